"""Figures of the stored taggers on jets that no training saw."""

from __future__ import annotations

import json
from dataclasses import replace

import awkward as ak
import numpy as np
import pytest
import torch

from hepml_lib import metrics, records, samples, settings, studies, training
from hepml_lib.nets import store
from hepml_lib.studies import top_taggers
from hepml_lib.tagging import top_models
from hepml_lib.tagging.dense_inputs import leading_constituents


@pytest.fixture
def trained(tmp_path, monkeypatch, made_up_jets):
    """One tagger trained with two seeds on made-up jets; results go to a folder of the test."""
    counts = {"train": (150, 0), "validation": (60, 200), "test": (800, 300)}

    def load(name, split, events):
        count, first = counts[split]
        jets = made_up_jets(count, seed=first, first=first)
        # Two labels of five are wrong, or no background survives the trees.
        wrong = np.random.default_rng(first).random(count) < 0.4
        return ak.with_field(jets, np.where(wrong, 1 - jets.label, jets.label), "label")

    monkeypatch.setenv("HEPML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(records, "path", lambda name: tmp_path / "results" / f"{name}.json")
    monkeypatch.setattr(samples, "load", load)
    monkeypatch.setattr(top_models, "JETS", {"quick": 150})
    monkeypatch.setattr(top_taggers, "_TIMED", 64)
    short = replace(top_models.TOP["topodnn"], epochs={"quick": 5}, lr=1e-2)
    monkeypatch.setattr(top_taggers, "TOP", {"topodnn": short})
    monkeypatch.setattr(store, "_folders", lambda: [settings.cache_dir() / "models"])
    for seed in (2, 1):
        monkeypatch.setenv("HEPML_SEED", str(seed))
        training.train_stored(short)
    return load("top_jets", "test", None)


def test_figures_are_those_of_the_first_training(trained) -> None:
    studies.run("top_taggers")
    found = records.read("top_taggers")["taggers"]
    assert records.read("top_taggers")["command"] == "hepml study top_taggers"
    assert set(found) == {"trees", "topodnn"}
    label, event = np.asarray(trained.label), np.asarray(trained.event)
    scores = top_taggers.TOP["topodnn"].score(trained)
    entry = found["topodnn"]
    assert entry["AUC"] == metrics.auc(scores, label, events=event)
    assert entry["trainings"] == len(entry["AUC of each training"]) == 2
    assert entry["AUC of each training"][0] == entry["AUC"].value
    assert entry["AUC of each training"][1] != entry["AUC"].value
    ratio = entry["rejection at 0.5 over trees"]
    expected = entry["rejection at 0.5"].value / found["trees"]["rejection at 0.5"].value
    assert ratio.value == pytest.approx(expected)


def test_a_second_run_scores_nothing_again(trained, monkeypatch) -> None:
    path = studies.run("top_taggers")
    before = json.loads(path.read_text())
    monkeypatch.setattr(top_taggers, "six_trees", _refuse)
    monkeypatch.setattr(top_models.TopTagger, "inputs", _only_timed)
    after = json.loads(studies.run("top_taggers").read_text())
    for record in before, after:
        del record["taggers"]["topodnn"]["microseconds"]
    assert before == after


def _refuse(*jets):
    raise AssertionError("trained anew")


def _only_timed(tagger, jets, progress=False):
    assert len(jets) <= 64, "scored anew"
    return {"x": torch.from_numpy(leading_constituents(jets))}


def test_figures_of_other_weights_are_refused(trained, monkeypatch) -> None:
    studies.run("top_taggers")
    monkeypatch.setattr(settings, "seed", lambda *names: 5)
    training.train_stored(top_taggers.TOP["topodnn"])
    with pytest.raises(ValueError, match="figures of 'topodnn' .* are of other weights"):
        records.read("top_taggers")
