"""The picture of the results: for each row a bar that shows which share of its budget it takes."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from bench.figures import AT_LEAST, Row, use_of_budget

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDTH, _LEFT, _RIGHT, _TOP, _STEP, _BAR = 900, 440, 110, 64, 34, 16
_FULL = 1.5
"""The share of a budget at which a bar is cut off."""

_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #222 }
  .title { font-weight: 600; font-size: 15px }
  .small { font-size: 11px; fill: #666 }
  .met { fill: #2f7d5b } .missed { fill: #c2552d } .line { stroke: #222; stroke-dasharray: 4 3 }
  .ground { fill: #fff }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .small { fill: #999 } .line { stroke: #ddd } .ground { fill: #161616 }
    .met { fill: #4fae85 } .missed { fill: #e07a50 }
  }
"""


def draw(rows: Iterable[Row]) -> str:
    """Return the picture as the text of an SVG file; the same rows give the same text."""
    shown = [row for row in rows if row.budget is not None]
    height = _TOP + _STEP * len(shown) + 16
    limit = _LEFT + (_WIDTH - _LEFT - _RIGHT) / _FULL
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="title">',
        '<title id="title">Which share of its budget each measurement takes</title>',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{height}"/>',
        '<text class="title" x="16" y="26">What it costs, as a share of the budget</text>',
        '<text class="small" x="16" y="44">shorter is better; the dashed line is the budget</text>',
        *(line for number, row in enumerate(shown) for line in _draw_row(row, _TOP + number * _STEP)),
        f'<line class="line" x1="{limit:.1f}" y1="{_TOP - 10}" x2="{limit:.1f}" y2="{height - 12}"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _draw_row(row: Row, top: int) -> list[str]:
    share = min(use_of_budget(row) or 0.0, _FULL)
    length = max(1.0, (_WIDTH - _LEFT - _RIGHT) * share / _FULL)
    sign = "≥" if row.bound == AT_LEAST else "≤"
    return [
        f'<text x="16" y="{top + 8}">{escape(row.measure)}</text>',
        f'<text class="small" x="16" y="{top + 22}">against {escape(row.reference)}</text>',
        f'<rect class="{"met" if row.met else "missed"}" x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR}" rx="2"/>',
        f'<text x="{_LEFT + length + 6:.1f}" y="{top + 13}">{row.ratio:g} x ({sign} {row.budget:g})</text>',
    ]
