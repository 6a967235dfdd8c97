"""The charts of the report: which answer is drawn how, and what the picture says in words."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from deploy.analytics import drawing, wording
from deploy.analytics.answers import Answer
from deploy.analytics.drawing import (
    BREACHED,
    FAINT,
    MET,
    MUTED,
    NARROW,
    NEUTRAL,
    SERIES,
    SURFACE,
    WIDE,
)

Records = list[dict[str, Any]]
MOST_WEEKS = 26
PERCENTILES = (("p50", "o"), ("p75", "s"), ("p90", "^"), ("p99", "D"))
ROUND_TIMES = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 8 * 3600, 16 * 3600, 40 * 3600, 80 * 3600)
AGES = (
    ("under_1_day", "under 1 day", SERIES[0]),
    ("under_3_days", "1 to 3 days", SERIES[2]),
    ("under_7_days", "3 to 7 days", SERIES[3]),
    ("older", "7 days and more", SERIES[1]),
)


@dataclass(frozen=True)
class Chart:
    """A picture in two widths, and what it shows in words."""

    wide: str
    narrow: str
    says: str


def of(answer: Answer) -> list[Chart]:
    """The charts of an answer: none for most, and none where there is nothing to draw."""
    makers: dict[str, tuple[Callable[[Records], Chart], ...]] = {
        "attainment": (promises_by_week, promises_by_plan),
        "first_response": (first_response,),
        "backlog_by_day": (backlog,),
        "volumes": (volumes,),
        "notifications": (notifications,),
    }
    records = answer.records()
    if not records:
        return []
    return [make(records) for make in makers.get(answer.name, ())]


def promises_by_week(records: Records) -> Chart:
    """Met and breached a week."""
    weeks = sorted({record["week"] for record in records})[-MOST_WEEKS:]
    met = [_sum(records, "met", week=week) for week in weeks]
    breached = [_sum(records, "breached", week=week) for week in weeks]

    def draw(axes: Axes, narrow: bool) -> None:  # noqa: FBT001 - as every chart is drawn
        drawing.stacked(axes, weeks, [("met", MET, met), ("breached", BREACHED, breached)])
        drawing.some_labels(axes, [week[5:] for week in weeks], 6 if narrow else 13)
        if len(weeks) <= (6 if narrow else 13):
            for place, (kept, broken) in enumerate(zip(met, breached, strict=True)):
                axes.annotate(
                    _percent(kept, broken),
                    (place, kept + broken),
                    (0, 3),
                    textcoords="offset points",
                    ha="center",
                    fontsize=10 if narrow else 12,
                )
        drawing.legend(axes, narrow=narrow, entries=2)

    kept, broken = sum(met), sum(breached)
    says = (
        f"Promises that were met and breached, week by week from {weeks[0]} to {weeks[-1]}: "
        f"{kept:,.0f} met, {broken:,.0f} breached, so {_percent(kept, broken)} met."
    )
    return _chart(draw, "promises-by-week", 280, says)


def promises_by_plan(records: Records) -> Chart:
    """What became of each plan's promises."""
    plans = sorted({record["plan"] for record in records})
    kinds = (
        ("met", "met", MET),
        ("breached", "breached", BREACHED),
        ("still_running", "still running", NEUTRAL),
        ("cancelled", "cancelled", FAINT),
    )
    layers = [
        (label, color, [_sum(records, column, plan=plan) for plan in plans])
        for column, label, color in kinds
    ]

    def draw(axes: Axes, narrow: bool) -> None:  # noqa: FBT001 - as every chart is drawn
        drawing.stacked(axes, plans, layers, lying=True)
        drawing.legend(axes, narrow=narrow, entries=len(layers))

    said = [
        f"{plan} {_percent(met, breached)}"
        for plan, met, breached in zip(plans, layers[0][2], layers[1][2], strict=True)
    ]
    says = "What became of the promises of each plan. Share that was met: " + ", ".join(said) + "."
    return _chart(draw, "promises-by-plan", 90 + 34 * len(plans), says)


def first_response(records: Records) -> Chart:
    """Percentiles of working time, a line for each plan."""
    records = [record for record in records if record["p50"] is not None]
    plans = [record["plan"] for record in records]
    says = "Working time to the first response. " + " ".join(
        f"{record['plan']}: "
        + ", ".join(f"{name} {_with_bound(record, name)}" for name, _ in PERCENTILES)
        + "."
        for record in records
    )
    if any(record["at_least"] for record in records):
        says += " A hollow mark is a lower bound: the promise was breached by then."
    if not records:
        return Chart("", "", "No first response says how much working time it took.")

    draw = partial(_draw_first_response, records, plans)
    return _chart(draw, "first-response", 110 + 38 * len(plans), says)


def _draw_first_response(records: Records, plans: list[str], axes: Axes, narrow: bool) -> None:  # noqa: FBT001 - as every chart is drawn
    for place, record in enumerate(records):
        reach = [max(record["p50"], 1), max(record["p99"], 1)]
        axes.plot(reach, [place, place], color=MUTED, linewidth=1.5, zorder=1)
        for number, (name, marker) in enumerate(PERCENTILES):
            bound = name in record["at_least"].split(", ")
            axes.scatter(
                [max(record[name], 1)],
                [place],
                marker=marker,
                s=64,
                zorder=2 + len(PERCENTILES) - number,
                facecolor=SURFACE if bound else SERIES[number],
                edgecolor=SERIES[number],
                linewidth=2,
            )
    for number, (name, marker) in enumerate(PERCENTILES):
        axes.scatter([], [], marker=marker, s=50, color=SERIES[number], label=name)
    low = min(max(record["p50"], 1) for record in records)
    high = max(record["p99"] for record in records)
    axes.set_xscale("log")
    axes.set_xlim(low / 2, max(high, low) * 2)
    ticks = [each for each in ROUND_TIMES if low / 2 <= each <= high * 2]
    most = 4 if narrow else 9
    ticks = ticks[:: -(-len(ticks) // most)] if ticks else [low]
    axes.set_xticks(ticks, [wording.duration(each) for each in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(plans)), plans)
    axes.set_ylim(len(plans) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.spines["bottom"].set_visible(False)
    drawing.legend(axes, narrow=narrow, entries=len(PERCENTILES))


def backlog(records: Records) -> Chart:
    """Open tickets at the end of each day, by age."""
    days = [record["day"] for record in records]
    layers = [
        (label, color, [record[column] for record in records]) for column, label, color in AGES
    ]

    def draw(axes: Axes, narrow: bool) -> None:  # noqa: FBT001 - as every chart is drawn
        drawing.stacked(axes, days, layers)
        drawing.some_labels(axes, [day[5:] for day in days], 5 if narrow else 12)
        drawing.legend(axes, narrow=narrow, entries=len(layers))

    most = max(records, key=lambda record: record["open_tickets"])
    last = records[-1]
    oldest = (
        "" if last["oldest_hours"] is None else f", the oldest for {last['oldest_hours']:,.1f} h"
    )
    says = (
        f"Open tickets by age at the end of each day from {days[0]} to {days[-1]}. Most were open "
        f"on {most['day']}: {most['open_tickets']:,}. Now {last['open_tickets']:,} are{oldest}."
    )
    return _chart(draw, "backlog", 290, says)


def volumes(records: Records) -> Chart:
    """Tickets a day, by channel."""
    days = sorted({record["day"] for record in records})
    channels = sorted({record["channel"] for record in records})
    layers = [
        (
            channel,
            SERIES[number % 5],
            [_sum(records, "tickets", day=d, channel=channel) for d in days],
        )
        for number, channel in enumerate(channels)
    ]

    def draw(axes: Axes, narrow: bool) -> None:  # noqa: FBT001 - as every chart is drawn
        drawing.stacked(axes, days, layers)
        drawing.some_labels(axes, [day[5:] for day in days], 5 if narrow else 12)
        drawing.legend(axes, narrow=narrow, entries=len(layers))

    said = ", ".join(f"{sum(values):,.0f} by {channel}" for channel, _, values in layers)
    says = f"New tickets a day by channel, from {days[0]} to {days[-1]}: {said}."
    return _chart(draw, "volumes", 280, says)


def notifications(records: Records) -> Chart:
    """Outcomes of each kind of mail and alert."""
    kinds = [f"{record['kind'].replace('_', ' ')}, {record['channel']}" for record in records]
    outcomes = (("sent", MET), ("failed", BREACHED), ("suppressed", FAINT))
    layers = [
        (name, color, [float(record[name]) for record in records]) for name, color in outcomes
    ]

    def draw(axes: Axes, narrow: bool) -> None:  # noqa: FBT001 - as every chart is drawn
        drawing.stacked(axes, kinds, layers, lying=True)
        if narrow:
            axes.set_yticks(range(len(kinds)), [kind.replace(", ", "\n") for kind in kinds])
        drawing.legend(axes, narrow=narrow, entries=len(layers))

    said = ", ".join(f"{sum(values):,.0f} {name}" for name, _, values in layers)
    says = f"What became of mails and alerts, by kind: {said}."
    return _chart(draw, "notifications", 90 + 38 * len(kinds), says)


def _chart(draw: drawing.Draw, name: str, height: int, says: str) -> Chart:
    wide, narrow = (
        drawing.svg(draw, name=name, height=height, width=width) for width in (WIDE, NARROW)
    )
    return Chart(wide, narrow, says)


def _sum(records: Records, column: str, **where: str) -> float:
    return float(
        sum(
            record[column]
            for record in records
            if all(record[name] == value for name, value in where.items())
        )
    )


def _percent(met: float, breached: float) -> str:
    whole = met + breached
    return f"{100 * met / whole:.1f} %".replace(".0 %", " %") if whole else wording.NOTHING


def _with_bound(record: dict[str, Any], name: str) -> str:
    bound = "at least " if name in record["at_least"].split(", ") else ""
    return bound + wording.duration(record[name])
