"""What the tests of figures share."""

from __future__ import annotations

import pytest

from hepml_lib.plots import drawing

Labels = list[tuple[str, str, list[str]]]


@pytest.fixture
def words() -> dict[str, str]:
    """A description and a finding."""
    return {
        "alt": "A straight line that rises from zero to two.",
        "caption": "The response is linear.",
    }


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> Labels:
    """Axis labels and legend of each Axes that is saved from now on."""
    found: Labels = []
    save = drawing.Canvas.savefig

    def savefig(canvas: drawing.Canvas, *arguments: object, **options: object) -> None:
        for ax in canvas.axes:
            legend = ax.get_legend()
            names = [text.get_text() for text in legend.get_texts()] if legend else []
            found.append((ax.get_xlabel(), ax.get_ylabel(), names))
        save(canvas, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(drawing.Canvas, "savefig", savefig)
    return found
