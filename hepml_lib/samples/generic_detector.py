"""The tracker of the sample tracking_events: the Generic detector of ACTS (arXiv:2106.13593).

It is the geometry of the TrackML challenge (arXiv:1904.06778): volumes, layers and modules have the
same numbers. The beam is the z axis; x, y and z are right-handed and have their origin at the
centre of the tracker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["BARREL", "FIELD", "MODULES", "Modules", "digitisation"]

FIELD = 2.0
"""Magnetic field along z, the same everywhere [T]."""

BARREL = {
    (8, 2): 32.0,
    (8, 4): 72.0,
    (8, 6): 116.0,
    (8, 8): 172.0,
    (13, 2): 260.0,
    (13, 4): 360.0,
    (13, 6): 500.0,
    (13, 8): 660.0,
    (17, 2): 820.0,
    (17, 4): 1020.0,
}
"""Volume and layer of the barrel → mean radius of the centres of its modules [mm]."""


@dataclass(frozen=True)
class Modules:
    """Modules of a volume.

    Attributes
    ----------
    cells
        How many cells the widest module has in u, the precise direction, and in v.
    half
        Half its width in u and in v [mm].
    thickness
        Of the sensor [mm].

    Examples
    --------
    The pixels of the barrel; one that fires alone has a resolution of its pitch over √12:

    >>> u, v = MODULES[8].pitch
    >>> round(1000 * u / 12**0.5, 1)
    14.4
    """

    cells: tuple[int, int]
    half: tuple[float, float]
    thickness: float

    @property
    def pitch(self) -> tuple[float, float]:
        """Size of a cell in u and v [mm]."""
        (u, v), (half_u, half_v) = self.cells, self.half
        return 2 * half_u / u, 2 * half_v / v


_PIXELS = Modules((336, 1280), (8.4, 36.0), 0.15)
_SHORT, _SHORT_END = (
    Modules((600, 90), (24.0, 54.0), 0.25),
    Modules((1000, 130), (40.0, 78.0), 0.25),
)
_LONG, _LONG_END = Modules((400, 10), (24.0, 54.0), 0.35), Modules((1200, 15), (72.0, 78.0), 0.35)

MODULES = {
    **dict.fromkeys((7, 8, 9), _PIXELS),
    **{12: _SHORT_END, 13: _SHORT, 14: _SHORT_END},
    **{16: _LONG_END, 17: _LONG, 18: _LONG_END},
}
"""Volume → its modules: pixels, short strips, long strips, with the cells of TrackML."""

_THRESHOLD = 0.1
"""A cell fires when the particle deposits more than it does in this share of the thickness."""

_NOISE = 0.05
"""Fluctuation of the deposit in a cell, in the same unit."""


def digitisation() -> dict[str, Any]:
    """Cells of all modules, in the words of ACTS's configuration files.

    A particle's straight path through the sensor is shared out among the cells by length. The
    position of a cluster is the mean of its cells, weighted with what they register.

    Returns
    -------
    dict
        What ``acts.examples.json.readDigiConfigFromJson`` reads from a JSON file; lengths in mm.

    Examples
    --------
    >>> cells = digitisation()["entries"][0]
    >>> cells["volume"], cells["value"]["geometric"]["segmentation"]["binningdata"][0]["bins"]
    (7, 336)
    """
    entries = []
    for volume, modules in MODULES.items():
        axes = [
            {"bins": cells, "min": -half, "max": half}
            | {"option": "open", "type": "equidistant", "value": f"bin{axis}"}
            for axis, cells, half in zip("XY", modules.cells, modules.half, strict=True)
        ]
        noise = {"mean": 0.0, "stddev": _NOISE * modules.thickness, "type": "Gauss"}
        shape = {
            "indices": [0, 1],
            "segmentation": {"binningdata": axes},
            "thickness": modules.thickness,
            "threshold": _THRESHOLD * modules.thickness,
            "digital": False,
            "charge-smearing": noise,
        }
        entries.append({"volume": volume, "value": {"geometric": shape}})
    header = {"format-version": 0, "value-identifier": "digitization-configuration"}
    return {"acts-geometry-hierarchy-map": header, "entries": entries}
