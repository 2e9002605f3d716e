from __future__ import annotations

import gzip
import shutil

import awkward as ak
import numpy as np
import pytest

from hepml_lib import formats

KINDS = ("hits", "cells", "particles", "truth")


@pytest.fixture
def folder(tmp_path, real):
    """Folder with a real event, the same again under another number, and the modules."""
    for kind in KINDS:
        path = real(f"trackml_event000000001-{kind}.csv.gz")
        shutil.copy(path, tmp_path / f"event000000007-{kind}.csv.gz")
        (tmp_path / f"event000000011-{kind}.csv").write_bytes(gzip.decompress(path.read_bytes()))
    shutil.copy(real("trackml_detectors.csv.gz"), tmp_path / "detectors.csv.gz")
    return tmp_path


def test_an_event_is_consistent(folder):
    events = formats.read(folder)
    assert events.event.to_list() == [7, 11]
    event = events[1]
    assert ak.array_equal(event.hits.hit_id, event.truth.hit_id)
    # Simulated hits lie within the pitch of a strip, a few millimetres, of the true ones.
    assert np.max(np.abs(event.hits.x - event.truth.tx)) < 10
    particles = event.particles
    counts = dict(zip(*np.unique(event.truth.particle_id, return_counts=True), strict=True))
    found = [counts.get(particle, 0) for particle in particles.particle_id]
    assert found == particles.nhits.to_list()
    assert set(event.cells.hit_id.to_list()) <= set(event.hits.hit_id.to_list())
    assert len(formats.read(folder, events=1)) == 1


def test_particles_are_momenta(real):
    particles = formats.read(real("trackml_event000000001-particles.csv.gz"))
    assert particles.fields[:4] == ["pt", "eta", "phi", "charge"]
    # First row of the file.
    assert particles.px[0] == pytest.approx(-0.0175291)
    assert particles.pz[0] == pytest.approx(-0.128744)
    # Negative pions and positive kaons carry the charge that their code says.
    mesons = particles[(abs(particles.pdg) == 211) | (abs(particles.pdg) == 321)]
    assert np.all(mesons.charge == np.sign(mesons.pdg))


def test_a_missing_file_of_an_event_is_named(folder):
    (folder / "event000000011-cells.csv").unlink()
    with pytest.raises(ValueError, match="event 11 has no file of cells, others have"):
        formats.read(folder)
    (folder / "event000000007-cells.csv.gz").unlink()
    assert "cells" not in formats.read(folder).fields


def test_a_folder_without_hits(tmp_path):
    with pytest.raises(ValueError, match="has no CSV file with the columns hit_id, x, y, z"):
        formats.read(tmp_path)


def test_momenta_without_decimals(tmp_path):
    """A column of whole numbers is read as such; directions must not become whole numbers too."""
    path = tmp_path / "event000000001-particles.csv"
    rows = ["particle_id,vx,vy,vz,px,py,pz,q,nhits", "1,0,0,0,1,1,1,1,0"]
    path.write_text("\n".join(rows))
    alone = formats.read(path)[0]
    assert alone.pt == pytest.approx(np.sqrt(2))
    assert alone.eta == pytest.approx(np.arcsinh(1 / np.sqrt(2)))
    assert alone.phi == pytest.approx(np.pi / 4)
    # The same particle, whether or not another one has decimals, and however much is read.
    path.write_text("\n".join([*rows, "2,0,0,0,1.5,1.5,1.5,1,0"]))
    for events in (1, 2):
        again = formats.read(path, events=events)[0]
        assert (again.pt, again.eta, again.phi) == (alone.pt, alone.eta, alone.phi)
