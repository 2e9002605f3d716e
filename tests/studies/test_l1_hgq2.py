"""Bits chosen by training: inputs, the figure of merit, and the committed record."""

from __future__ import annotations

import numpy as np
import pytest

from hepml_lib import records, settings
from hepml_lib.studies import l1_hgq2
from hepml_lib.trigger.l1_jets import BIT_PRICES, UNIFORM_BITS


@pytest.fixture(scope="module")
def record():
    return records.read("l1_hgq2")


def test_inputs_keep_every_bit():
    whole = settings.rng("test", "hgq2").integers(-400, 1200, (50, 8, 3))
    x = l1_hgq2.inputs(whole)
    assert x.shape == (50, 24)
    np.testing.assert_array_equal(x.reshape(whole.shape) * [64, 32, 32], whole)


def test_the_record_is_complete(record):
    names = {f"{bits} bits" for bits in UNIFORM_BITS}
    names |= {f"β = {beta:.0e}" for beta in BIT_PRICES}
    assert set(record["taggers"]) == names | {"floating"}
    for name in names:
        entry = record["taggers"][name]
        assert entry["luts"] == entry["luts, by seed"][0]
        assert len(set(map(len, (entry["luts, by seed"], entry["AUC, by seed"])))) == 1


def test_a_higher_price_buys_fewer_operations(record):
    operations = [record["taggers"][f"β = {beta:.0e}"]["EBOPs"] for beta in BIT_PRICES]
    assert operations == sorted(operations, reverse=True)
    luts = [record["taggers"][f"{bits} bits"]["luts"] for bits in UNIFORM_BITS]
    assert luts == sorted(luts)


def test_every_weight_is_counted_once(record):
    sizes = (24 * 64, 64 * 32, 32 * 32, 32 * 5)
    for beta in BIT_PRICES:
        counted = record["taggers"][f"β = {beta:.0e}"]["weights by bits"]
        assert tuple(sum(layer) for layer in counted) == sizes
