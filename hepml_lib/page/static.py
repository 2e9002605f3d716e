"""A figure with sliders as markup: it moves on a built page, without kernel and without network."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hepml_lib.page.pictures import GREY, TEMPLATE, Picture, Slider

__all__ = ["STYLE", "markup"]

_LIMIT = 1_500_000  # characters
_SCRIPT = Path(__file__).with_suffix(".js")
STYLE = f"""<style>
.hepml-explore {{ color: var(--pst-color-text-base, var(--jp-content-font-color1, inherit)); }}
.hepml-explore text[style*="fill: {GREY}"] {{ fill: currentColor !important; }}
.hepml-explore label {{ display: grid; grid-template-columns: 13em minmax(8em, 22em) auto;
  gap: 0.8em; align-items: center; margin: 0.25em 0; }}
.hepml-explore .hepml-reading {{ min-height: 1.5em; margin: 0.6em 0 0.2em; font-weight: 600; }}
.hepml-explore .hepml-alt {{ position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }}
@media (max-width: 40em) {{ .hepml-explore label {{ grid-template-columns: 1fr auto; }}
  .hepml-explore label span {{ grid-column: 1 / -1; }} }}
</style>"""


def markup(sliders: Sequence[Slider], pictures: Sequence[Picture], alt: str, caption: str) -> str:
    """Sliders, figure, caption, every picture as JSON, and the script that shows one of them.

    Parameters
    ----------
    sliders
        In the order of the controls.
    pictures
        One per setting; the last slider moves fastest.
    alt, caption
        Description and finding.

    Returns
    -------
    str
        A ``<figure>``, for a page that has plotly.js.

    Raises
    ------
    ValueError
        If it takes more than 1.5 MB.
    """
    texts = [[slider.text(k) for k in range(len(slider.values))] for slider in sliders]
    data = _json({"texts": texts, "template": TEMPLATE, **_shared(pictures)})
    # A script ends at the first such tag, also inside JSON.
    safe = data.replace("</", "<\\/")
    name = hashlib.sha256(f"{data}{alt}{caption}".encode()).hexdigest()[:12]
    height = max(picture.height for picture in pictures)
    page = "\n".join(
        [
            f'<figure class="hepml-figure hepml-explore" id="explore-{name}" role="group">',
            STYLE,
            *map(_control, sliders),
            '<p class="hepml-reading" role="status"></p>',
            f'<div class="plotly-graph-div" role="img" aria-label="{html.escape(alt)}" '
            f'style="width:100%;height:{height}px"></div>',
            f"<noscript>{html.escape(alt)}</noscript>",
            f"<figcaption>{html.escape(caption)} <small>The pictures were computed beforehand; "
            "in JupyterLab the figure is live.</small></figcaption>",
            f'<script type="application/json">{safe}</script>',
            f"<script>{_SCRIPT.read_text(encoding='utf-8')}</script>",
            "</figure>",
        ]
    )
    if len(page) > _LIMIT:
        raise ValueError(
            f"{len(pictures)} pictures take {len(page) / 1e6:.1f} MB and a page bears "
            f"{_LIMIT / 1e6:g}: use fewer slider values, or fewer points in a trace"
        )
    return page


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _shared(pictures: Sequence[Picture]) -> dict[str, Any]:
    """Pictures for the page: what several have in common is there once, and named by its number."""
    parts: dict[str, int] = {}

    def number(part: dict[str, Any]) -> int:
        return parts.setdefault(_json(part), len(parts))

    listed = [
        {
            "title": picture.title,
            "traces": [number(trace) for trace in picture.traces],
            "layout": number(picture.layout),
        }
        for picture in pictures
    ]
    return {"pictures": listed, "parts": [json.loads(part) for part in parts]}


def _control(slider: Slider) -> str:
    return (
        f"<label><span>{html.escape(slider.label)}</span>"
        f'<input type="range" min="0" max="{len(slider.values) - 1}" step="1" '
        f'value="{slider.start}" autocomplete="off"><output></output></label>'
    )
