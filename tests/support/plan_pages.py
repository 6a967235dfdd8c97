"""The plans as sla shows them to everybody, with a catalogue and a time that a test may change."""

from datetime import UTC, datetime
from pathlib import Path

import httpx

from services.sla.plans_api import PlanPages, routes
from shared import web
from shared.plans import Catalogue, load_catalogue, parse_catalogue

DEPLOY = Path(__file__).parents[2] / "deploy"
SHIPPED = load_catalogue(DEPLOY / "plans.toml")
FRIDAY_EVENING = datetime(2026, 11, 6, 18, 0, 0, 700_000, tzinfo=UTC)
TERMS = "https://careline.example/terms"


def edited(*changes: tuple[str, str]) -> Catalogue:
    """The shipped catalogue with texts replaced where they first stand."""
    text = (DEPLOY / "plans.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, f"nothing to change: {old!r}"
        text = text.replace(old, new, 1)
    return parse_catalogue(text, "plans.toml")


_DAYS = """
holidays = [2026-10-30, 2026-12-24]
exceptions = { 2026-11-06 = "closed", 2026-11-27 = [["09:00", "13:00"]] }
"""
_PROMISES = """
targets.default = { first_response = "4h", resolution = "40h" }
targets.urgent.first_response = "1h"
warnings = { default = [0.5], first_response = [0.8, "30m"] }
"""
GERMAN = edited(
    ('tz = "UTC"', 'tz = "Europe/Berlin"\ncountry = "DE"\nsubdivision = "BY"'),
    ("# holidays = [2026-12-24, 2026-12-31]", _DAYS),
    ('targets.default.first_response = "4h"\nwarnings.default = [0.8]', _PROMISES),
)
"""With public holidays, special days, two clocks and a priority of its own in the advanced plan."""


class Shown:
    """The plans' routes: the shipped catalogue on a Friday evening, unless a test changes that."""

    def __init__(self) -> None:
        self.catalogue = SHIPPED
        self.now = FRIDAY_EVENING
        pages = PlanPages(lambda: self.catalogue, lambda: self.now, "Care & Line", TERMS)
        transport = httpx.ASGITransport(web.application(routes(pages), dict))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://desk")
