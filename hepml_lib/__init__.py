"""Machine learning in high-energy physics: the library behind the book.

Submodules load on first use, so that ``import hepml_lib`` stays cheap:

>>> import hepml_lib
>>> hepml_lib.settings.scale() in ("quick", "full")
True
"""

from __future__ import annotations

import importlib
from types import ModuleType

__version__ = "0.1.0"

__all__ = [
    "energyflow",
    "formats",
    "kinematics",
    "metrics",
    "nets",
    "plots",
    "samples",
    "settings",
    "statistics",
    "substructure",
    "tagging",
    "training",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
