"""The plans over HTTP, for everybody: what each promises, as data and as a page."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic import BaseModel, BeforeValidator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sla.plan_sheet import (
    as_data,
    as_entries,
    special_days,
    spell_instant,
)
from shared import problems, web
from shared.plans import Catalogue

_TEMPLATES = Environment(
    loader=PackageLoader("services.sla"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE = _TEMPLATES.get_template("plans.css").render()
_STYLE_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()

_CACHED = {"Cache-Control": "public, max-age=60"}
"""Seconds, not more: the page says by when we would answer somebody who asks now."""
_PAGE = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Reader(BaseModel):
    """Who looks at the page, as far as they say; other parameters are left to whoever set them."""

    plan: Annotated[str | None, BeforeValidator(lambda value: value or None)] = None
    time_zone: Annotated[web.TimeZone | None, BeforeValidator(lambda value: value or None)] = None


@dataclass(frozen=True, slots=True)
class PlanPages:
    """What the routes need, and the routes."""

    catalogue: Callable[[], Catalogue]
    """The one in force."""
    clock: Callable[[], datetime]
    brand: str
    terms: str | None = None
    """Where the Terms of Service stand, with their Schedule A."""

    async def get_plans(self, request: Request) -> Response:
        """All plans as data."""
        now = self.clock().replace(microsecond=0)
        body = json.dumps(as_data(self.catalogue(), now), ensure_ascii=False).encode()
        return _answer(request, body, media_type="application/json", headers={})

    async def show_plans(self, request: Request) -> Response:
        """All plans side by side on a page."""
        reader = web.read_query(request, Reader)
        catalogue, now = self.catalogue(), self.clock().replace(microsecond=0)
        if reader.plan is not None and reader.plan not in catalogue.ranks:
            raise _unknown_plan(catalogue)
        zone = ZoneInfo(reader.time_zone) if reader.time_zone else None
        entries = as_entries(catalogue, now, own=reader.plan, zone=zone)
        page = _TEMPLATES.get_template("plans.html.jinja").render(
            style=Markup(_STYLE),  # noqa: S704 - our own style sheet
            brand=self.brand,
            terms=self.terms,
            version=catalogue.version,
            entries=entries,
            own=next((entry for entry in entries if entry.row.is_own), None),
            special_days=list(special_days(catalogue, entries, now)),
            asked_at=now.isoformat(),
            asked=spell_instant(now, zone or ZoneInfo("UTC")),
            reader=reader,
            zones=sorted(_zones() | {reader.time_zone or "UTC"}),
        )
        return _answer(request, page.encode(), media_type="text/html", headers=_PAGE)


def routes(pages: PlanPages) -> list[Route]:
    """The routes of the plans."""
    return [
        Route("/v1/plans", pages.get_plans, methods=["GET"]),
        Route("/plans", pages.show_plans, methods=["GET"]),
    ]


def _answer(request: Request, body: bytes, *, media_type: str, headers: dict[str, str]) -> Response:
    """The body, or only word that the caller has it already."""
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {**_CACHED, **headers, "ETag": tag}
    known = request.headers.get("if-none-match", "").replace("W/", "").split(",")
    if tag in (each.strip() for each in known):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _unknown_plan(catalogue: Catalogue) -> problems.Problem:
    detail = f"The catalogue has no such plan; it has {', '.join(catalogue.ranks)}."
    return problems.Problem(
        422, "Invalid request", detail, errors=[{"pointer": "/plan", "detail": detail}]
    )


@cache
def _zones() -> frozenset[str]:
    """The zones that are offered: places, and none of the names kept for old programs."""
    places = (name for name in available_timezones() if "/" in name)
    return frozenset(name for name in places if not name.startswith(_OLD)) | {"UTC"}


_OLD = ("Etc/", "US/", "Brazil/", "Canada/", "Chile/", "Mexico/", "SystemV/")
