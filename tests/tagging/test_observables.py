"""High-level observables against jets whose values are known."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import kinematics, tagging


def jets_of(*prongs: list[tuple[float, float, float]], mass: float = 0.0) -> ak.Array:
    """Jets from lists of massless (pt, eta, phi)."""
    columns = {
        name: ak.Array([[particle[k] for particle in jet] for jet in prongs])
        for k, name in enumerate(("pt", "eta", "phi"))
    }
    columns = {name: ak.values_astype(x, np.float64) for name, x in columns.items()}
    columns["mass"] = ak.zeros_like(columns["pt"])
    inside = kinematics.momenta(columns, depth=2)
    axis = {"pt": 600.0, "eta": 0.2, "phi": 0.0, "mass": mass}
    columns = {name: np.full(len(prongs), value) for name, value in axis.items()}
    return ak.zip({**columns, "constituents": inside}, depth_limit=1)


def named(jets: ak.Array) -> list[dict[str, float]]:
    return [
        dict(zip(tagging.JET_OBSERVABLES, row.tolist(), strict=True))
        for row in tagging.jet_observables(jets)
    ]


def test_two_prongs_have_no_third() -> None:
    (jet,) = named(jets_of([(300.0, 0.0, 0.0), (300.0, 0.4, 0.0)], mass=119.2))
    assert jet["mass"] == pytest.approx(119.2)
    # Two massless prongs: m² = 2 pT₁ pT₂ (cosh Δη − cos Δφ).
    assert jet["softdrop_mass"] == pytest.approx(300 * np.sqrt(2 * (np.cosh(0.4) - 1)), rel=1e-5)
    assert jet["multiplicity"] == 2
    assert jet["momentum_dispersion"] == pytest.approx(1 / np.sqrt(2))
    assert jet["tau21"] == jet["tau32"] == 0


def test_three_prongs_have_small_tau32() -> None:
    three = [(200.0, 0.0, 0.0), (200.0, 0.4, 0.0), (200.0, 0.2, 0.4), (1.0, 0.2, 0.1)]
    one = [(590.0, 0.0, 0.0), (10.0, 0.3, 0.1), (5.0, -0.2, 0.2), (3.0, 0.1, -0.3)]
    top_like, qcd_like = named(jets_of(three, one))
    assert top_like["tau32"] < 0.1 < qcd_like["tau32"]


def test_an_empty_jet_is_defined_and_nan_is_named() -> None:
    empty = jets_of([(300.0, 0.0, 0.0)], [])
    assert np.isfinite(tagging.jet_observables(empty)).all()
    with pytest.raises(ValueError, match="jet 0 of 1: pt of a constituent is nan"):
        tagging.jet_observables(jets_of([(float("nan"), 0.0, 0.0), (10.0, 0.1, 0.0)]))
