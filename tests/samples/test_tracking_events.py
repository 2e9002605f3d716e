"""Tracking events: geometry, digitisation, and what the tracks know about their particles."""

from __future__ import annotations

import tempfile

import awkward as ak
import numpy as np
import pytest

from hepml_lib import samples, settings
from hepml_lib.formats import trackml
from hepml_lib.samples import generate, generic_detector, manifest, storage
from hepml_lib.samples.recipes import tracking_events

RECIPE = tracking_events.RECIPE

# Radii of the barrel layers and their share of a radiation length, of 95.7 mm of silicon.
MATERIAL = {72: 1.65, 116: 1.65, 172: 1.65, 260: 2.25, 360: 2.25, 500: 2.25, 660: 2.25, 820: 2.85}


@pytest.fixture(scope="module")
def events():
    """The committed file, or a chunk where it has not been made."""
    if (settings.data_dir() / "samples" / "tracking_events.root").exists():
        return samples.load("tracking_events")
    pytest.importorskip("acts")
    return RECIPE.decode(RECIPE.make(RECIPE.part("train", 0), RECIPE.chunk))


def column(rows, name):
    return ak.flatten(rows[name]).to_numpy()


@pytest.fixture(scope="module")
def hits(events):
    """Columns of all hits: positions, module, and the row of the particle among all events."""
    first = np.cumsum(ak.num(events.particles)) - ak.num(events.particles)
    names = ("x", "y", "z", "volume_id", "layer_id", "module_id", "width_u", "width_v")
    table = {name: column(events.hits, name) for name in names}
    table |= {name: column(events.truth, name) for name in ("order", "tx", "ty", "tz")}
    row = ak.flatten(events.truth.particle_id - 1 + first).to_numpy()
    return table | {"particle": row, "radius": np.hypot(table["x"], table["y"])}


@pytest.fixture(scope="module")
def particles(events):
    names = ("pt", "eta", "phi", "charge", "pdg", "vx", "vy", "vz", "nhits", "vertex", "generation")
    table = {name: column(events.particles, name) for name in names}
    flight = np.hypot(table["vx"], table["vy"])
    return table | {"prompt": (flight < 0.1) & (table["generation"] == 0)}


def layer(hits, volume, number):
    return (hits["volume_id"] == volume) & (hits["layer_id"] == number)


def test_events_are_unique_and_of_their_sample_and_split(events):
    number, split = events.event.to_numpy(), events.split.to_numpy()
    assert len(np.unique(number)) == len(number)
    assert (number // 10**13 == 10).all()
    assert (number // 10**12 % 10 == split).all()


def test_names_are_those_of_trackml(events):
    assert set(trackml.COLUMNS["hits"]) <= set(events.hits.fields)
    assert {"hit_id", "particle_id", "tx", "ty", "tz"} <= set(events.truth.fields)
    own = {"particle_id", "vx", "vy", "vz", "nhits", "pt", "eta", "phi", "charge", "pdg"}
    assert own <= set(events.particles.fields)
    # Vectors of `vector`, as the reader of TrackML files gives them.
    tracks = events.particles
    assert ak.all(np.abs(tracks.pz - tracks.pt * np.sinh(tracks.eta)) < 1e-3 * tracks.p)


def test_truth_is_consistent(events, hits, particles):
    assert ak.all(ak.num(events.hits) == ak.num(events.truth))
    for rows, name in ((events.hits, "hit_id"), (events.particles, "particle_id")):
        assert ak.all(rows[name] == ak.local_index(rows[name]) + 1)
    counts = np.bincount(hits["particle"], minlength=len(particles["pt"]))
    assert np.array_equal(counts, particles["nhits"])
    assert counts.min() >= 1
    # The hits of a particle are numbered from 0 without a gap.
    order = np.lexsort((hits["order"], hits["particle"]))
    expected = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    assert np.array_equal(hits["order"][order], expected)
    assert ak.all(events.particles.vertex < ak.num(events.vertices))


@pytest.mark.parametrize(
    ("volume", "disks", "modules"),
    [(7, 7, 108), (9, 7, 108), (12, 6, 170), (14, 6, 170), (16, 6, 98), (18, 6, 98)],
)
def test_end_caps_have_the_disks_of_trackml(hits, volume, disks, modules):
    inside = hits["volume_id"] == volume
    assert set(hits["layer_id"][inside]) == set(range(2, 2 * disks + 1, 2))
    assert hits["module_id"][inside].min() >= 1
    assert hits["module_id"][inside].max() <= modules
    side = -1 if volume in (7, 12, 16) else 1
    assert (side * hits["z"][inside]).min() > 590
    # The modules of a disk are flat and stand on a few planes.
    for number in range(2, 2 * disks + 1, 2):
        assert np.ptp(hits["z"][layer(hits, volume, number)]) < 12


def test_barrel_layers_have_the_radii_of_the_generic_detector(hits):
    for (volume, number), radius in generic_detector.BARREL.items():
        found = hits["radius"][layer(hits, volume, number)]
        assert len(found) > 100
        # A flat module reaches 6 mm beyond its centre at most; pixels 2.5 mm.
        assert np.abs(found - radius).max() < (2.5 if volume == 8 else 6.5)
        assert abs(found.mean() - radius) < 0.5


def test_clusters_resolve_as_their_cells_allow(hits):
    """One cell: pitch/√12 at most; two cells share the charge and do better."""
    across = np.hypot(hits["x"] - hits["tx"], hits["y"] - hits["ty"]) * 1e3
    along = np.abs(hits["z"] - hits["tz"]) * 1e3
    for volume in (8, 13, 17):
        u, v = (1e3 * pitch for pitch in generic_detector.MODULES[volume].pitch)
        one, two = (
            across[(hits["volume_id"] == volume) & (hits["width_u"] == width)] for width in (1, 2)
        )
        assert np.sqrt(np.mean(one**2)) < u / np.sqrt(12)
        assert np.sqrt(np.mean(two**2)) < 0.6 * np.sqrt(np.mean(one**2))
        narrow = along[(hits["volume_id"] == volume) & (hits["width_v"] == 1)]
        assert 0.6 * v / np.sqrt(12) < np.sqrt(np.mean(narrow**2)) < v / np.sqrt(12) + 1
    pixels = hits["volume_id"] == 8
    assert np.sqrt(np.mean(across[pixels] ** 2)) == pytest.approx(9, abs=0.7)


def test_clusters_are_long_where_tracks_are_inclined(hits, particles):
    """A track at η crosses thickness · sinh η / pitch cells along the beam."""
    modules = generic_detector.MODULES[8]
    eta = np.abs(particles["eta"][hits["particle"]])
    for low, high in ((0.0, 0.2), (1.0, 1.2), (2.0, 2.2)):
        chosen = layer(hits, 8, 2) & (eta > low) & (eta < high)
        chosen &= particles["prompt"][hits["particle"]]
        # Both ends must pass the threshold of a tenth of the thickness.
        along = np.sinh(eta[chosen]) - 0.2 * np.tanh(eta[chosen])
        crossed = 1 + modules.thickness * along / modules.pitch[1]
        # Modules are tilted by up to a fifth of a radian, which lengthens the path.
        assert hits["width_v"][chosen].mean() == pytest.approx(crossed.mean(), rel=0.06)


def test_a_particle_leaves_a_hit_in_every_layer(particles):
    """Ten barrel layers and a few overlaps; a curling particle does not reach the outer ones."""
    central = particles["prompt"] & (np.abs(particles["eta"]) < 1)
    hits = {
        low: particles["nhits"][central & (particles["pt"] > low) & (particles["pt"] < high)].mean()
        for low, high in ((0.15, 0.2), (0.2, 0.3), (0.5, 1.0), (1.0, 100.0))
    }
    assert 8 < hits[0.15] < 9.5
    assert 10 < hits[0.2] < 11.3
    for low in (0.5, 1.0):
        assert 11.8 < hits[low] < 12.7
    assert particles["nhits"].max() < 30
    for low in np.arange(0, 3, 0.5):
        eta = np.abs(particles["eta"])
        inside = particles["prompt"] & (particles["pt"] > 1) & (eta > low) & (eta < low + 0.5)
        assert 11 < particles["nhits"][inside].mean() < 14


def curvatures(hits, layers, particles):
    """Signed radius of the circle through one hit in each of three layers [mm]."""
    points = np.full((3, particles, 2), np.nan)
    for point, (volume, number) in zip(points, layers, strict=True):
        rows = np.flatnonzero(layer(hits, volume, number))
        point[hits["particle"][rows]] = np.stack([hits["x"][rows], hits["y"][rows]], axis=1)
    one, two = points[1] - points[0], points[2] - points[0]
    cross = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    sides = [np.hypot(*side.T) for side in (one, two, two - one)]
    return np.prod(sides, axis=0) / (2 * cross)


def test_a_circle_gives_charge_and_momentum_as_scattering_allows(hits, particles):
    """The radius gives pT = 0.3 B R; scattering between the hits blurs it (Highland's formula)."""
    layers = ((8, 2), (13, 4), (17, 4))
    inner, middle, outer = (generic_detector.BARREL[key] for key in layers)
    radius = curvatures(hits, layers, len(particles["pt"]))
    chosen = np.isfinite(radius) & particles["prompt"] & (particles["pt"] > 0.5)
    chosen &= (np.abs(particles["eta"]) < 1) & (np.abs(particles["pdg"]) == 211)
    radius, pt, eta = radius[chosen], particles["pt"][chosen], particles["eta"][chosen]
    found = 0.299792458 * generic_detector.FIELD * np.abs(radius) / 1e3
    assert (np.sign(radius) == -particles["charge"][chosen]).mean() > 0.998
    share = {r: thickness / 95.7 for r, thickness in MATERIAL.items() if r < outer}
    kink = {r: 0.0136 * np.sqrt(x) * (1 + 0.038 * np.log(x)) for r, x in share.items()}
    sagitta = [
        kink[r] * (max(middle - r, 0) - (outer - r) * (middle - inner) / (outer - inner))
        for r in kink
    ]
    curved = (middle - inner) * (outer - middle) / 2 * 0.299792458 * generic_detector.FIELD / 1e3
    expected = np.hypot.reduce(sagitta) / curved * np.sqrt(np.cosh(eta))
    pull = (found / pt - 1) / expected
    low, centre, high = np.quantile(pull, [0.16, 0.5, 0.84])
    # Momentum is lost on the way: a few per mille of the soft ones.
    assert abs(centre) < 0.3
    assert (high - low) / 2 == pytest.approx(1, abs=0.05 + 3 / np.sqrt(2 * len(pull)))


def test_pileup_makes_most_of_the_hits(events, hits, particles):
    number = ak.num(events.vertices).to_numpy() - 1
    assert abs(number.mean() - tracking_events.PILEUP) < 4 * np.sqrt(30 / len(number))
    pileup = particles["vertex"][hits["particle"]] > 0
    assert 0.8 < pileup.mean() < 0.95
    # Hits of an event grow with the collisions in it.
    assert 8_000 < len(pileup) / len(number) < 26_000
    z = column(events.vertices, "z")
    assert z.std() == pytest.approx(35, rel=4 / np.sqrt(2 * len(z)))
    soft = particles["pt"][hits["particle"]] < 1
    assert 0.75 < soft.mean() < 0.9


def test_primaries_come_from_their_vertex(events, particles):
    vertices = events.vertices[events.particles.vertex]
    for axis in "xyz":
        distance = ak.flatten(events.particles[f"v{axis}"] - vertices[axis]).to_numpy()
        near = np.abs(distance) < 0.01
        # Half of the rest are daughters of kaons and hyperons.
        assert near[particles["generation"] == 0].mean() > 0.8
    assert particles["pt"][particles["generation"] == 0].min() >= tracking_events.MIN_PT - 1e-4
    assert np.abs(particles["eta"][particles["generation"] == 0]).max() <= 3 + 1e-4


def test_photons_convert_in_the_material(particles):
    """Pairs of e⁺ and e⁻ come from the layers, and none from the space between them."""
    made = particles["generation"] > 0
    assert set(np.abs(particles["pdg"][made])) == {11}
    assert 0.03 < made.mean() < 0.15
    electrons = (particles["pdg"][made] == 11).sum()
    assert abs(electrons - made.sum() / 2) < 4 * np.sqrt(made.sum()) / 2
    barrel = made & (np.abs(particles["vz"]) < 450)
    radius = np.hypot(particles["vx"], particles["vy"])[barrel]
    assert radius.min() > 15
    for low, high in ((38, 69), (77, 113), (121, 169), (177, 199), (202, 253)):
        assert not ((radius > low) & (radius < high)).any()
    assert (radius < 200).sum() > 20


def test_making_a_chunk_leaves_nothing(small_chunk, tmp_path, monkeypatch, capfd):
    pytest.importorskip("acts")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    again = tracking_events.make(RECIPE.part("validation", 70), 1)
    assert storage.content(again) == storage.content(small_chunk("tracking_events"))
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


def test_without_acts_the_error_says_what_to_install(tmp_path, monkeypatch):
    versions = dict.fromkeys(RECIPE.packages, "1") | {"pyacts": "not installed"}
    monkeypatch.setattr(manifest, "version", versions.get)
    with pytest.raises(ModuleNotFoundError, match="pip install pyacts"):
        generate.ensure(RECIPE, "train", range(1), 1, None, tmp_path)
