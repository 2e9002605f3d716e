"""What the top taggers depend on: the plans are carried out, and no detector means none."""

from __future__ import annotations

from dataclasses import replace

import awkward as ak
import numpy as np
import pytest

from hepml_lib import metrics, records, samples, settings, studies, training
from hepml_lib.nets import store
from hepml_lib.samples.recipes import top_jets
from hepml_lib.studies import top_taggers, top_trend
from hepml_lib.tagging import top_models

COUNTS = {"train": (150, 0), "validation": (60, 200), "test": (700, 300)}
NAMES = ("trees", "nsub", "topodnn")


@pytest.fixture
def studied(tmp_path, monkeypatch, made_up_jets):
    """A record of made-up jets: three plans for three taggers, one of them trained twice."""
    asked = []

    def load(split, jets, detector):
        asked.append((split, jets, detector))
        count, first = COUNTS[split]
        made = made_up_jets(count, seed=first, first=first)
        # Two labels of five are wrong in the test, or no background survives the trees.
        wrong = (np.random.default_rng(first).random(count) < 0.4) & (split == "test")
        return ak.with_field(made, np.where(wrong, 1 - made.label, made.label), "label")

    monkeypatch.setenv("HEPML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(records, "path", lambda name: tmp_path / "results" / f"{name}.json")
    monkeypatch.setattr(samples, "load", lambda _, split, events: load(split, events, True))
    monkeypatch.setattr(top_trend, "_load", load)
    monkeypatch.setattr(top_models, "JETS", {"quick": 150})
    short = {
        name: replace(top_models.TOP[name], epochs={"quick": 8, "full": 8}, lr=1e-2)
        for name in NAMES[1:]
    }
    monkeypatch.setattr(top_taggers, "TOP", short)
    monkeypatch.setattr(top_trend, "TOP", short)
    monkeypatch.setattr(top_trend, "NAMES", NAMES)
    monkeypatch.setattr(top_trend, "_QUICK", NAMES[1:])
    monkeypatch.setattr(top_trend, "VOTERS", NAMES[1:])
    monkeypatch.setattr(store, "_folders", lambda: [settings.cache_dir() / "models"])
    monkeypatch.setattr(
        top_trend,
        "PLANS",
        {
            "seen": top_trend.Plan(150, trainings=2),
            "longer": top_trend.Plan(150, longer=2),
            "bare": top_trend.Plan(150, detector=False),
        },
    )
    for tagger in short.values():
        training.train_stored(tagger)
    studies.run("top_trend")
    return records.read("top_trend")["taggers"], load("test", None, True), asked


def test_every_plan_has_its_figures(studied) -> None:
    found, _, asked = studied
    titles = {key.partition(", ")[2] for key in found}
    assert titles == {top_trend.STORED, "seen", "seen, training 2", "longer", "bare"}
    assert {key for key in found if "longer" in key} == {"nsub, longer", "topodnn, longer"}
    assert found["topodnn, seen"]["AUC"] != found["topodnn, seen, training 2"]["AUC"]
    assert found["topodnn, seen"]["AUC"] != found["topodnn, longer"]["AUC"]
    assert ("train", 150, False) in asked, "the bare plan learned from jets with detector"


def test_the_vote_is_the_mean_of_the_logits(studied) -> None:
    found, test, _ = studied
    mean = np.mean([top_models.TOP[name].score(test) for name in NAMES[1:]], axis=0)
    expected = metrics.auc(mean, np.asarray(test.label), events=np.asarray(test.event))
    assert found[f"vote, {top_trend.STORED}"]["AUC"].value == pytest.approx(expected.value)


def test_a_ratio_is_taken_within_a_plan(studied) -> None:
    found, _, _ = studied
    for title in ("seen", "longer", "bare"):
        own = found[f"topodnn, {title}"]["rejection at 0.5"].value
        baseline = found[f"nsub, {title}"]["rejection at 0.5"].value
        ratio = found[f"topodnn, {title}"]["rejection at 0.5 over nsub"].value
        assert ratio == pytest.approx(own / baseline)
    assert "rejection at 0.5 over nsub" not in found["nsub, seen"]


def test_jets_without_detector_are_of_the_same_collisions() -> None:
    pytest.importorskip("pythia8mc")
    recipe = top_trend.PARTICLE_LEVEL
    chunk = recipe.part("test", 7)
    assert chunk == top_jets.RECIPE.part("test", 7)
    bare, seen = (each.decode(each.make(chunk, 16)) for each in (recipe, top_jets.RECIPE))
    assert len(np.intersect1d(bare.event, seen.event)) >= 8
    # Nothing is lost or smeared: the jet is its particle-level self, neutrinos aside.
    near = bare[bare.generated_pt > 0]
    assert np.allclose(near.pt, near.generated_pt, rtol=2e-3)
    assert not np.allclose(seen.pt, seen.generated_pt, rtol=2e-3)


def test_the_two_levels_do_not_share_a_cache() -> None:
    from hepml_lib.samples import generate

    bare, seen = (
        generate.chunk_file(each, "test", 0) for each in (top_trend.PARTICLE_LEVEL, top_jets.RECIPE)
    )
    assert bare != seen
    assert str(top_taggers.TRAINED) == top_trend.STORED.replace(" jets", "").replace(" ", "")
