"""The README's examples run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hepml_lib.metrics import Estimate

_TEXT = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
_EXAMPLES = re.findall(r"^```python\n(.*?)^```", _TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", _EXAMPLES, ids=range(len(_EXAMPLES)))
def test_an_example_runs(example: str) -> None:
    """What an example prints last is a figure with an interval, better than a coin."""
    printed: list[Estimate] = []
    exec(example, {"print": printed.append, "__name__": "example"})
    assert printed[-1].low > 0


def test_there_are_examples() -> None:
    assert len(_EXAMPLES) == 2
