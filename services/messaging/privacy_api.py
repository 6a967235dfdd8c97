"""Forgetting people over HTTP: asked for by admins, answered with what was taken away.

An address that is named here is kept nowhere: neither in a row, a log, an event nor an answer.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

import structlog
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
    validate_email,
)
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.messaging import access
from services.messaging.store import belongings, erasures
from services.messaging.store.erasures import Erasure
from shared import problems, web
from shared.database import Connection, Database
from shared.envelope import STAFF, format_instant
from shared.identity import Caller, Role, Verifier, requester_id, subject_of

log = structlog.get_logger(__name__)

_PSEUDONYM = re.compile(r"r-[0-9A-Za-z-]{1,64}")
HEARS_OF_IT = ("messaging", "notifier")
"""The services that keep anything of a requester."""


class _Asked(BaseModel):
    """Who is to be forgotten: by address, by id, or both."""

    model_config = ConfigDict(extra="forbid")

    address: (
        Annotated[
            str,
            StringConstraints(
                strip_whitespace=True, max_length=320, pattern=r"^[^\s<>\x00]+@[^\s<>@\x00]+$"
            ),
        ]
        | None
    ) = None
    """Their e-mail address: whatever a mail may have come from, in a domain of any kind."""
    person: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] | None = None
    """Their pseudonym (`requester` in events), or the subject of their sign-in."""
    preview: bool = False
    """Only say what there is; change nothing."""

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.address is None and self.person is None:
            raise ValueError("name an address or a person")
        if self.person == STAFF:
            raise ValueError("is nobody: it stands for all people of the organisation")
        return self


class _Page(BaseModel):
    before: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True)
class Privacy:
    """What the routes need, and the routes."""

    database: Database
    verifier: Verifier
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    pseudonym_secret: str
    wake: Callable[[], None] = lambda: None
    """Somebody is to be forgotten: don't wait for the next look."""

    async def post_erasure(self, request: Request) -> Response:
        """Take up an erasure; of somebody who is being forgotten already it is the same one."""
        caller = self._admin(request)
        asked = await web.read_json(request, _Asked)
        now = self.clock()
        async with self.database.transaction() as connection:
            names = await self._names(connection, asked)
            if asked.preview:
                there = await belongings.count_theirs(connection, names, now)
                return JSONResponse({"persons": sorted(names), "there_is": there})
            id_ = await erasures.add_erasure(connection, self.new_id(), names, caller.subject, now)
            erasure = await erasures.read_erasure(connection, id_)
        assert erasure is not None  # noqa: S101 - it was added just now
        log.info("erasure_asked", erasure=str(id_), by=caller.subject)
        self.wake()
        headers = {"Location": f"/v1/privacy/erasures/{id_}"}
        return JSONResponse(_shown(erasure), 202, headers=headers)

    async def get_erasure(self, request: Request) -> Response:
        """How far an erasure has come: the report."""
        self._admin(request)
        id_ = access.id_of(request, "erasure", "An erasure's id is a UUID.")
        async with self.database.snapshot() as connection:
            erasure = await erasures.read_erasure(connection, id_)
        if erasure is None:
            raise problems.Problem(404, "Not found", "There is no such erasure.")
        return JSONResponse(_shown(erasure))

    async def list_erasures(self, request: Request) -> Response:
        """Erasures, the latest first."""
        self._admin(request)
        page = web.read_query(request, _Page)
        async with self.database.snapshot() as connection:
            found = await erasures.list_erasures(
                connection, before=page.before, limit=page.limit + 1
            )
        shown, more = found[: page.limit], len(found) > page.limit
        body: dict[str, Any] = {"erasures": [_shown(each) for each in shown]}
        if more:
            body["next"] = f"/v1/privacy/erasures?before={shown[-1].id}&limit={page.limit}"
        return JSONResponse(body)

    def _admin(self, request: Request) -> Caller:
        return self.verifier.require(request, Role.ADMIN)

    async def _names(self, connection: Connection, asked: _Asked) -> set[str]:
        """All ids of whom is meant, and none of a colleague.

        Raises:
            Problem: 404 for an id of nobody, which would be said on the stream whatever it is; 409
                for a colleague's, or where addresses tell us nothing.
        """
        person = None if asked.person is None else subject_of(asked.person)
        addresses = _spellings(asked.address)
        if addresses and not self.pseudonym_secret:
            detail = "Without CARELINE_PSEUDONYM_SECRET nobody is found by address: name a person."
            raise problems.Problem(409, "Conflict", detail)
        known, staff, more = await belongings.list_names(connection, person, addresses)
        names = known | self._pseudonyms(addresses | more)
        if person is not None and _PSEUDONYM.fullmatch(person):
            names.add(person)
        if person in staff or (names and names <= staff):
            detail = "This is a sign-in of a colleague. Requesters alone are forgotten here."
            raise problems.Problem(409, "Conflict", detail)
        if person is not None and person not in names:
            raise problems.Problem(404, "Not found", "Nobody is known under this id.")
        return names - staff

    def _pseudonyms(self, addresses: Collection[str]) -> set[str]:
        secret = self.pseudonym_secret
        return {requester_id(address, secret=secret) for address in addresses} if secret else set()


def _spellings(address: str | None) -> set[str]:
    """An address as it was written, as mails have it; and as the form and the API make it."""
    if address is None:
        return set()
    try:
        return {address, validate_email(address)[1]}
    except PydanticCustomError:
        return {address}  # mails come from addresses, too, that no form takes


def routes(privacy: Privacy) -> list[Route]:
    """The routes of erasures."""
    path = "/v1/privacy/erasures"
    return [
        Route(path, privacy.post_erasure, methods=["POST"]),
        Route(path, privacy.list_erasures, methods=["GET"]),
        Route(f"{path}/{{erasure}}", privacy.get_erasure, methods=["GET"]),
    ]


def _shown(erasure: Erasure) -> dict[str, Any]:
    reports = {each.service: each for each in erasure.reports}
    own = erasure.removed if erasure.state == "erased" else None
    done = {service: report.removed for service, report in reports.items()}
    if own is not None:
        done["messaging"] = {what: count for what, count in own.items() if count}
    waits_for = [service for service in HEARS_OF_IT if service not in done]
    return {
        "erasure": str(erasure.id),
        "persons": list(erasure.persons),
        "asked_by": erasure.asked_by,
        "asked_at": format_instant(erasure.asked_at),
        "state": "under_way" if waits_for else "erased",
        "waits_for": waits_for,
        "erased": done,
        "so_far": {what: count for what, count in erasure.removed.items() if count},
        "keys": {
            "thrown_away": len(erasure.keys),
            "left_the_log_at": erasure.keys_gone_at and format_instant(erasure.keys_gone_at),
        },
    }
