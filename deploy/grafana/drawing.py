"""Draws a dashboard as its file lays it out, from what Prometheus answered.

It is not Grafana: it reads the same file, asks the same questions, and shows places, titles, units,
levels and legends the same way, so that a picture can be made where no Grafana runs.
"""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from deploy.grafana.parts import ACROSS

mpl.use("Agg")

COLUMN, LINE = 0.62, 0.40
"""Inches of one cell of Grafana's grid."""
BACK, BOARD, INK, FAINT = "#ffffff", "#f2f3f5", "#24292e", "#8a9099"
COLORS = {"green": "#37872d", "orange": "#e0752d", "red": "#c4162a", "blue": "#3274d9",
          "text": "#6e7680"}  # fmt: skip
LINES = ("#3274d9", "#e0752d", "#37872d", "#a352cc", "#c4162a", "#0a98a8", "#b58b00", "#6e7680",
         "#7a5c3e", "#d6589f")  # fmt: skip
MOST_IN_LEGEND = 5
MOST_BARS = 12
COLORS_KEPT = 48
SHORT = timedelta(minutes=20)
"""Below it, times need their seconds."""


@dataclass(frozen=True)
class Drawn:
    """One series of a panel: what it is called, and its values over time."""

    name: str
    times: tuple[datetime, ...]
    values: tuple[float, ...]

    @property
    def last(self) -> float:
        """The newest value."""
        return self.values[-1]


Panel = Mapping[str, Any]


def draw(dashboard: Mapping[str, Any], found: Mapping[int, Sequence[Drawn]], out: Path) -> None:
    """Write the picture of one dashboard; `found` has the series by panel."""
    tall = max(_place(panel)[1] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    size = (ACROSS * COLUMN, tall * LINE + 0.6)
    figure = Figure(figsize=size, dpi=80, facecolor=BOARD)
    figure.text(0.012, 1 - 0.3 / size[1], dashboard["title"], size=15, weight="bold", color=INK,
                va="center")  # fmt: skip
    for panel in dashboard["panels"]:
        x, y = _place(panel)
        at = panel["gridPos"]
        top = 1 - (y * LINE + 0.6) / size[1]
        box = (
            x / ACROSS,
            top - at["h"] * LINE / size[1],
            at["w"] / ACROSS,
            at["h"] * LINE / size[1],
        )
        if panel["type"] == "row":
            figure.text(0.012, top - 0.5 * LINE / size[1], panel["title"], size=10.5,
                        weight="bold", color=INK, va="center")  # fmt: skip
        else:
            _panel(figure, panel, found.get(panel["id"], ()), box)
    _save(figure, out)


def _save(figure: Figure, out: Path) -> None:
    """Keep as few colours as a diagram needs: a fifth of the bytes."""
    whole = io.BytesIO()
    figure.savefig(whole)
    Image.open(whole).convert("RGB").quantize(COLORS_KEPT).save(out, optimize=True)


def _place(panel: Panel) -> tuple[int, int]:
    at = panel["gridPos"]
    return at.get("x", 0), at.get("y", 0)


def _panel(
    figure: Figure,
    panel: Panel,
    series: Sequence[Drawn],
    box: tuple[float, float, float, float],
) -> None:
    wide, tall = (float(each) for each in figure.get_size_inches())
    gap = 0.05
    left, bottom = box[0] + gap / wide, box[1] + gap / tall
    width, height = box[2] - 2 * gap / wide, box[3] - 2 * gap / tall
    figure.add_artist(
        FancyBboxPatch((left, bottom), width, height, boxstyle="square,pad=0", linewidth=0.6,
                       facecolor=BACK, edgecolor="#d5d8dc", transform=figure.transFigure, zorder=-1)
    )  # fmt: skip
    figure.text(left + 0.09 / wide, bottom + height - 0.15 / tall, panel["title"], size=8.5,
                color=INK, va="center")  # fmt: skip
    inside = (left, bottom, width, height - 0.30 / tall)
    if not series:
        said = panel["fieldConfig"]["defaults"].get("noValue") or "No data"
        figure.text(left + width / 2, bottom + height / 2, said, size=10, color=FAINT,
                    ha="center", va="center")  # fmt: skip
        return
    kinds = {"timeseries": _lines, "stat": _figures, "bargauge": _bars, "table": _table}
    kinds[panel["type"]](figure, panel, series, inside)


def _lines(
    figure: Figure, panel: Panel, series: Sequence[Drawn], box: tuple[float, float, float, float]
) -> None:
    wide, tall = (float(each) for each in figure.get_size_inches())
    series = [each for each in series if not all(map(math.isnan, each.values))] or series
    shown = sorted(series, key=lambda each: -_most(each))[:MOST_IN_LEGEND]
    rows = len(shown) + (len(series) > len(shown))
    legend = (0.16 * rows + 0.1) / tall
    axes = figure.add_axes(
        (box[0] + 0.62 / wide, box[1] + legend + 0.24 / tall, box[2] - 0.75 / wide,
         box[3] - legend - 0.28 / tall)
    )  # fmt: skip
    colors = {each.name: LINES[number % len(LINES)] for number, each in enumerate(series)}
    _fill(axes, panel, series, colors)
    _levels(axes, panel, series)
    _dress(axes, panel["fieldConfig"]["defaults"]["unit"], series)
    for number, each in enumerate(shown):
        at = box[1] + legend - (0.16 * (number + 1) - 0.04) / tall
        _legend(figure, panel, each, colors[each.name], (box[0] + 0.12 / wide, at, box[2]))
    if rows > len(shown):
        more = f"and {len(series) - len(shown)} more"
        figure.text(box[0] + 0.3 / wide, box[1] + 0.06 / tall, more, size=6.5, color=FAINT,
                    va="bottom")  # fmt: skip


def _fill(axes: Axes, panel: Panel, series: Sequence[Drawn], colors: Mapping[str, str]) -> None:
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    times = sorted({time for each in series for time in each.times})
    below = dict.fromkeys(times, 0.0)
    for each in series:
        known = {t: v for t, v in zip(each.times, each.values, strict=True) if not math.isnan(v)}
        if stacked:
            upper = {time: below[time] + known.get(time, 0.0) for time in times}
            axes.fill_between(_axis(times), [below[t] for t in times], [upper[t] for t in times],
                              color=colors[each.name], alpha=0.35, linewidth=0)  # fmt: skip
            below = upper
            known = upper
        moments = [time for time in times if time in known]
        axes.plot(_axis(moments), [known[time] for time in moments], linewidth=1.1,
                  color=colors[each.name], marker="." if len(moments) < 3 else "")  # noqa: PLR2004  # fmt: skip


def _axis(times: Sequence[datetime]) -> Any:  # noqa: ANN401 - matplotlib's numbers for times
    return dates.date2num(list(times))  # type: ignore[no-untyped-call] # it has none


def _levels(axes: Axes, panel: Panel, series: Sequence[Drawn]) -> None:
    """Draw the thresholds; those far above what there is would flatten it, and stay out."""
    defaults = panel["fieldConfig"]["defaults"]
    style = defaults.get("custom", {}).get("thresholdsStyle", {}).get("mode")
    known = [value for each in series for value in each.values if not math.isnan(value)]
    drawn = axes.get_ylim()[1] if any(known) else 0.0  # what is stacked reaches higher than each
    top = max([drawn, *known], default=0.0)
    least = 0.01 if defaults["unit"] == "percentunit" else 1
    axes.set_ylim(0, top * 1.05 or least)
    if style != "line":
        return
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is not None and step["value"] <= 4 * (top or least):
            axes.axhline(step["value"], color=COLORS[step["color"]], linewidth=0.9, linestyle="--")
            axes.set_ylim(0, max(axes.get_ylim()[1], step["value"] * 1.08))


def _dress(axes: Axes, unit: str, series: Sequence[Drawn]) -> None:
    begun, ended = min(s.times[0] for s in series), max(s.times[-1] for s in series)
    clock = "%H:%M" if ended - begun > SHORT else "%H:%M:%S"
    axes.set_facecolor(BACK)
    axes.xaxis.set_major_locator(dates.AutoDateLocator(minticks=2, maxticks=4))  # type: ignore[no-untyped-call] # it has none
    axes.xaxis.set_major_formatter(dates.DateFormatter(clock, tz=UTC))  # type: ignore[no-untyped-call] # it has none
    axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: written(value, unit))
    axes.tick_params(labelsize=6.5, colors=FAINT, length=0)
    axes.grid(visible=True, color="#e8eaed", linewidth=0.6)
    for side in axes.spines.values():
        side.set_visible(False)


def _legend(
    figure: Figure, panel: Panel, series: Drawn, color: str, at: tuple[float, float, float]
) -> None:
    wide, _ = (float(each) for each in figure.get_size_inches())
    unit = panel["fieldConfig"]["defaults"]["unit"]
    known = [value for value in series.values if not math.isnan(value)] or [math.nan]
    figure.text(at[0], at[1], "\u2014", size=8, color=color, weight="bold", va="center")
    figure.text(at[0] + 0.18 / wide, at[1], short(series.name, at[2] * wide), size=6.5, color=INK,
                va="center")  # fmt: skip
    figure.text(at[0] + at[2] - 0.3 / wide, at[1],
                f"last {written(known[-1], unit)}   max {written(max(known), unit)}", size=6.5,
                color=FAINT, va="center", ha="right")  # fmt: skip


def _most(series: Drawn) -> float:
    return max((value for value in series.values if not math.isnan(value)), default=0.0)


def short(name: str, inches: float) -> str:
    """A name as far as it has room beside its figures."""
    most = max(12, int((inches - 1.6) * 17))
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _figures(
    figure: Figure, panel: Panel, series: Sequence[Drawn], box: tuple[float, float, float, float]
) -> None:
    wide, tall = (float(each) for each in figure.get_size_inches())
    each_wide = (box[2] - 0.1 / wide) / len(series)
    for number, each in enumerate(series):
        text, color = said(panel, each.last)
        left = box[0] + 0.05 / wide + number * each_wide
        figure.add_artist(
            FancyBboxPatch((left + 0.02 / wide, box[1] + 0.06 / tall), each_wide - 0.04 / wide,
                           box[3] - 0.08 / tall, boxstyle="square,pad=0", facecolor=color,
                           linewidth=0, transform=figure.transFigure)
        )  # fmt: skip
        middle = left + each_wide / 2
        room = each_wide * wide / max(2, len(text))
        size = max(7.0, min(24.0, room * 95, box[3] * tall * 26))
        figure.text(middle, box[1] + box[3] * (0.46 if each.name else 0.52), text, size=size,
                    color="white", weight="bold", ha="center", va="center")  # fmt: skip
        if each.name and len(series) > 1:
            figure.text(middle, box[1] + box[3] * 0.84, each.name, size=min(8, room * 60 + 3),
                        color="white", ha="center", va="center")  # fmt: skip


def _bars(
    figure: Figure, panel: Panel, series: Sequence[Drawn], box: tuple[float, float, float, float]
) -> None:
    wide, tall = (float(each) for each in figure.get_size_inches())
    shown = sorted(series, key=lambda each: -each.last)[:MOST_BARS]
    defaults = panel["fieldConfig"]["defaults"]
    top = defaults.get("max") or max((each.last for each in shown), default=1) or 1
    step = (box[3] - 0.1 / tall) / len(shown)
    names, ends = box[0] + box[2] * 0.44, box[0] + box[2] - 0.62 / wide
    for number, each in enumerate(shown):
        text, color = said(panel, each.last)
        y = box[1] + 0.06 / tall + (len(shown) - 1 - number) * step
        name = short(each.name, box[2] * wide * 0.44 + 1.5)
        figure.text(names - 0.06 / wide, y + step / 2, name, size=7, color=INK, ha="right",
                    va="center")  # fmt: skip
        for length, paint in ((1.0, "#eef0f2"), (max(0.0, min(1.0, each.last / top)), color)):
            figure.add_artist(
                FancyBboxPatch((names, y + step * 0.18), (ends - names) * length, step * 0.64,
                               boxstyle="square,pad=0", facecolor=paint, linewidth=0,
                               transform=figure.transFigure)
            )  # fmt: skip
        figure.text(ends + 0.06 / wide, y + step / 2, text, size=7.5, color=color, weight="bold",
                    va="center")  # fmt: skip


def _table(
    figure: Figure, panel: Panel, series: Sequence[Drawn], box: tuple[float, float, float, float]
) -> None:
    wide, tall = (float(each) for each in figure.get_size_inches())
    most = max(1, int(box[3] * tall / 0.19) - 1)
    for number, each in enumerate(sorted(series, key=lambda one: one.name)[:most]):
        y = box[1] + box[3] - (0.19 * number + 0.14) / tall
        text, _ = said(panel, each.last)
        figure.text(box[0] + 0.12 / wide, y, short(each.name, box[2] * wide + 0.8), size=7,
                    color=INK, va="center")  # fmt: skip
        figure.text(box[0] + box[2] - 0.12 / wide, y, text, size=7, color=INK, va="center",
                    ha="right")  # fmt: skip


def said(panel: Panel, value: float) -> tuple[str, str]:
    """What stands there for a value, and in which colour."""
    defaults = panel["fieldConfig"]["defaults"]
    for mapping in defaults.get("mappings", ()):
        if found := mapping["options"].get(f"{value:g}"):
            return found["text"], COLORS[found["color"]]
    fixed = defaults.get("color", {}).get("fixedColor")
    color = fixed or "green"
    if not fixed:
        for step in defaults["thresholds"]["steps"]:
            if step["value"] is None or value >= step["value"]:
                color = step["color"]
    whole = defaults.get("decimals") == 0
    return written(round(value) if whole else value, defaults["unit"]), COLORS[color]


def written(value: float, unit: str) -> str:
    """A value with its unit, as short as it can be read."""
    if math.isnan(value):
        return "-"
    match unit:
        case "percentunit":
            return f"{value * 100:.4g} %"
        case "s":
            return seconds(value)
        case "bytes":
            return _scaled(value, 1024, ("B", "KiB", "MiB", "GiB"))
        case "cps" | "reqps":
            return f"{value:.3g}/s"
        case _:
            return f"{value:.3g}" if value < 1000 else _scaled(value, 1000, ("", "k", "M", "G"))  # noqa: PLR2004 - the first of the scale


def seconds(value: float) -> str:
    """A duration, in the unit that fits it."""
    for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"), (0.001, "ms")):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return "0 s" if value == 0 else f"{value * 1000:.2g} ms"


def _scaled(value: float, by: int, names: Sequence[str]) -> str:
    for name in names[:-1]:
        if abs(value) < by:
            return f"{value:.3g} {name}".strip()
        value /= by
    return f"{value:.3g} {names[-1]}"
