from __future__ import annotations

import gzip

import numpy as np
import pytest

from hepml_lib.formats import csvfile

TEXT = b"hit_id,x,kind,particle_id\n1,-32.5,pixel,4503668346847232\n2,7,strip,0\n3,1e2,pixel,-1\n"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_types_follow_from_all_rows(tmp_path, pack):
    path = tmp_path / "hits"
    path.write_bytes(pack(TEXT))
    assert csvfile.header(path) == ("hit_id", "x", "kind", "particle_id")
    data = csvfile.columns(path, "", ["particle_id", "x", "kind"], None)
    assert data["x"].tolist() == [-32.5, 7.0, 100.0]
    # Identifiers of TrackML do not fit into a double.
    assert data["particle_id"].dtype == np.int64
    assert data["particle_id"][0] == 4503668346847232
    assert data["kind"].tolist() == ["pixel", "strip", "pixel"]
    assert csvfile.columns(path, "", ["x"], 2)["x"].tolist() == [-32.5, 7.0]
    none = csvfile.columns(path, "", ["hit_id"], 0)["hit_id"]
    assert (len(none), none.dtype) == (0, np.int64)


def test_what_is_empty_is_not_a_number(tmp_path):
    path = tmp_path / "hits.csv"
    path.write_text("x,y,z\n1,,\n2,3.5,\n")
    data = csvfile.columns(path, "", ["y", "z"], None)
    np.testing.assert_array_equal(data["y"], [np.nan, 3.5])
    np.testing.assert_array_equal(data["z"], [np.nan, np.nan])


def test_a_short_archive_is_damaged(tmp_path):
    path = tmp_path / "hits.csv.gz"
    rows = b"".join(b"%d,%f,pixel,0\n" % (i, np.sin(i)) for i in range(5000))
    packed = gzip.compress(TEXT + rows)
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(OSError, match=r"hits\.csv\.gz cannot be read"):
        csvfile.columns(path, "", ["x"], None)


def test_a_ragged_table_is_damaged(tmp_path):
    path = tmp_path / "hits.csv"
    path.write_bytes(TEXT + b"4,5\n")
    with pytest.raises(OSError, match="Expected 4 columns"):
        csvfile.columns(path, "", ["x"], None)


@pytest.mark.parametrize("content", [b"", b"one word\n", b"\x00\x01\x02,\x03", b"\xff\xfe,a\n"])
def test_other_content_is_refused(tmp_path, content):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="neither ROOT, nor HDF5, nor CSV"):
        csvfile.header(path)
