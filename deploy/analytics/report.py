"""The report as one page that needs nothing else: no network, no script."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.analytics import charts, wording
from deploy.analytics.answers import Answer

PAGE = "report.html"
SHORT = 14
"""Tables of so many rows stand open."""


def write(answers: Mapping[str, Answer], out: Path, *, zone: str, as_of: datetime) -> Path:
    """Write the page in one step; returns where it is."""
    path = out / PAGE
    unfinished = out / f"{PAGE}.unfinished"
    unfinished.write_text(rendered(answers, zone=zone, as_of=as_of), encoding="utf-8")
    unfinished.replace(path)
    return path


def rendered(answers: Mapping[str, Answer], *, zone: str, as_of: datetime) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    local = as_of.astimezone(ZoneInfo(zone))
    return environment.get_template("report.html.jinja").render(
        sections=[(answer, charts.of(answer)) for answer in answers.values()],
        headlines=headlines(answers),
        as_of=f"{local:%Y-%m-%d %H:%M} ({zone})",
        words=wording,
        short=SHORT,
    )


def headlines(answers: Mapping[str, Answer]) -> list[tuple[str, str]]:
    """The few figures that stand above all."""
    promises = answers["attainment"].records()
    met = sum(record["met"] for record in promises)
    decided = met + sum(record["breached"] for record in promises)
    backlog = answers["backlog_now"].records()
    oldest = max((record["oldest_hours"] for record in backlog), default=None)
    tickets = sum(record["tickets"] for record in answers["volumes"].records())
    return [
        ("promises met", f"{100 * met / decided:.1f} %" if decided else wording.NOTHING),
        ("of so many decided", f"{decided:,}"),
        ("tickets open now", f"{sum(record['open_tickets'] for record in backlog):,}"),
        (
            "age of the oldest",
            wording.NOTHING if oldest is None else wording.age(oldest),
        ),
        ("tickets in 90 days", f"{tickets:,}"),
    ]
