"""Files of the field as arrays with the field names of our samples, and ROOT to HDF5 or Parquet."""

from __future__ import annotations

from hepml_lib.formats.convert import convert, load
from hepml_lib.formats.read import FORMATS, detect, read

__all__ = ["FORMATS", "convert", "detect", "load", "read"]
