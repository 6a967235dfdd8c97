"""Draws charts as SVG that takes its colours from the page, so that it follows light and dark.

matplotlib is given a stand-in for each colour, which is then replaced by the page's own variable.
Everything else that could differ between two runs (dates, random ids) is fixed.
"""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK, MUTED, LINE, SURFACE = "#010101", "#020202", "#030303", "#040404"
SERIES = tuple(f"#0a000{number}" for number in range(1, 8))
MET, BREACHED, NEUTRAL, FAINT = SERIES[0], SERIES[1], SERIES[5], SERIES[6]
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    SURFACE: "var(--surface)",
    **{color: f"var(--series-{number})" for number, color in enumerate(SERIES, 1)},
}
WIDE, NARROW = 900, 350
"""Widths in the units of the page: one for screens, one for phones."""
POINTS_PER_INCH = 72
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 12,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 1,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.borderpad": 0,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}

Draw = Callable[[Axes, bool], None]
"""Draws into axes; told whether there is only a phone's width."""


def svg(draw: Draw, *, name: str, height: int, width: int) -> str:
    """A chart as an `svg` element without any size of its own but its proportions."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": f"{name}-{width}"}):
        size = (width / POINTS_PER_INCH, height / POINTS_PER_INCH)
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot(), width == NARROW)
        written = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(written, format="svg", metadata=nothing)
    return _for_the_page(written.getvalue(), f"{name}-{width}-")


def _for_the_page(text: str, prefix: str) -> str:
    element = text[text.index("<svg ") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", element, count=1)
    element = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", element, count=1)
    # Several charts stand on one page: each has ids of its own.
    element = re.sub(r'\bid="', f'id="{prefix}', element)
    element = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\g<1>{prefix}", element)
    element = element.replace("<svg ", '<svg aria-hidden="true" ', 1)
    for stand_in, variable in _VARIABLES.items():
        element = element.replace(stand_in, variable)
    return element


def stacked(
    axes: Axes,
    places: Sequence[str],
    layers: Sequence[tuple[str, str, Sequence[float]]],
    *,
    lying: bool = False,
) -> None:
    """Bars on top of one another, or behind one another where they lie: (label, color, values)."""
    below = [0.0] * len(places)
    positions = list(range(len(places)))
    for label, color, values in layers:
        style: dict[str, Any] = {"color": color, "edgecolor": SURFACE, "label": label}
        if lying:
            axes.barh(positions, values, left=below, height=0.62, **style)
        else:
            axes.bar(positions, values, bottom=below, width=0.78, **style)
        below = [sum_ + value for sum_, value in zip(below, values, strict=True)]
    if lying:
        axes.set_yticks(positions, places)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.spines["bottom"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    else:
        axes.grid(visible=False, axis="x")
        axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True))
        axes.set_xlim(-0.6, max(len(places), 3) - 0.4)


def some_labels(axes: Axes, places: Sequence[str], most: int) -> None:
    """Label so many places as have room; the last one always is."""
    step = -(-len(places) // most)
    shown = list(range(len(places) - 1, -1, -step))[::-1]
    axes.set_xticks(shown, [places[position] for position in shown])


def legend(axes: Axes, *, narrow: bool, entries: int) -> None:
    """Above the chart, in as many columns as fit."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=min(entries, 2 if narrow else 6),
        handlelength=1,
        handleheight=1,
        columnspacing=1.4,
    )
