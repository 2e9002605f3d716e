"""Small files of the layout of https://doi.org/10.5281/zenodo.4536377, as pandas writes it."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import formats


@pytest.mark.parametrize("layout", ["fixed", "table"])
@pytest.mark.parametrize("labelled", [True, False])
def test_events_lose_their_padding(tmp_path, write_frame, layout, labelled):
    particles = np.zeros((3, 700, 3))
    particles[0, :2] = [[1500.0, 0.5, 0.1], [1400.0, -0.5, -3.0]]
    particles[2, :1] = [[1300.0, 1.0, 2.0]]
    frame = dict(enumerate(particles.reshape(3, -1).T.copy()))
    if labelled:
        frame[2100] = np.array([1.0, 0.0, 1.0])
    path = write_frame(tmp_path / "events.h5", "df", frame, layout)
    assert formats.detect(path) == "olympics_events"
    events = formats.read(path)
    assert ak.num(events.particles).to_list() == [2, 0, 1]
    assert events.particles.eta.to_list() == [[0.5, -0.5], [], [1.0]]
    expected = np.sqrt(2 * 1500 * 1400 * (np.cosh(1.0) - np.cos(3.1)))
    assert (events.particles[0, 0] + events.particles[0, 1]).mass == pytest.approx(expected)
    assert ("label" in events.fields) == labelled
    if labelled:
        assert events.label.to_list() == [1, 0, 1]
    assert ak.num(formats.read(path, events=2).particles).to_list() == [2, 0]


def test_features_become_jets(tmp_path, write_frame):
    first = {"px": [1500.0, 1300.0], "py": [0.0, 100.0], "pz": [200.0, 0.0], "m": [500.0, 90.0]}
    second = {"px": [-1500.0, 0.0], "py": [0.0, 0.0], "pz": [-200.0, 0.0], "m": [100.0, 0.0]}
    frame = {f"{q}j1": np.array(values) for q, values in first.items()}
    frame |= {f"{q}j2": np.array(values) for q, values in second.items()}
    frame |= {f"tau{n}j{j}": np.array([0.6 / n, 0.3 / n]) for n in (1, 2, 3) for j in (1, 2)}
    frame["label"] = np.array([1.0, 0.0])
    path = write_frame(tmp_path / "features.h5", "df", frame, "fixed")
    assert formats.detect(path) == "olympics_features"
    events = formats.read(path)
    # The second event has one jet.
    assert ak.num(events.jets).to_list() == [2, 1]
    assert events.jets.mass[0].to_list() == pytest.approx([500, 100])
    assert events.jets.pt[1, 0] == pytest.approx(np.hypot(1300, 100))
    energies = [np.sqrt(1500**2 + 200**2 + mass**2) for mass in (500, 100)]
    assert (events.jets[0, 0] + events.jets[0, 1]).mass == pytest.approx(sum(energies))
    assert (events.jets.tau_2 / events.jets.tau_1)[0].to_list() == pytest.approx([0.5, 0.5])
    assert events.label.to_list() == [1, 0]
    assert events.label.type.content.primitive == "int8"


@pytest.mark.parametrize("kind", [np.int32, np.float64])
def test_features_in_whole_numbers(tmp_path, write_frame, kind):
    """In MeV, whose squares do not fit into 32 bits."""
    jet = {"px": 1_500_000, "py": 200_000, "pz": -900_000, "m": 172_500}
    frame = {f"{q}j{j}": np.array([value], kind) for q, value in jet.items() for j in (1, 2)}
    frame |= {f"tau{n}j{j}": np.array([0.6 / n]) for n in (1, 2, 3) for j in (1, 2)}
    path = write_frame(tmp_path / "features.h5", "df", frame, "fixed")
    leading = formats.read(path).jets[0, 0]
    for name, value in zip(("px", "py", "pz", "mass"), jet.values(), strict=True):
        assert getattr(leading, name) == pytest.approx(value)
