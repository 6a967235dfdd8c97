"""The catalogue over HTTP: which version is in force, and moving running clocks to another one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sla import store
from services.sla.catalogues import InForce
from services.sla.waiting import Rebuilds, refuse_while
from shared import problems, web
from shared.database import Connection, Database
from shared.envelope import NAMESPACE, derive_id, format_instant
from shared.identity import Role, Verifier

Version = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]


class MoveRequest(BaseModel):
    """The body of `POST /v1/catalogue/moves`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    to: Version
    """The version to count by. Wait until every replica has it: until then they slot by another."""
    from_: Annotated[Version | None, Field(alias="from")] = None
    """Only tickets that count by this version; all if none is named."""


class Source(InForce, Protocol):
    """Where the catalogue in force comes from, and what is wrong with what the file says now."""

    @property
    def refused(self) -> tuple[str, ...]:
        """Every problem of a file that was refused, as `file:line: reason`; none if all is well."""


@dataclass(frozen=True, slots=True)
class CatalogueRoutes:
    """What the routes need, and the routes."""

    database: Database
    verifier: Verifier
    source: Source
    clock: Callable[[], datetime]
    new_key: Callable[[], str]
    """A fresh idempotency key for a move that brings none."""
    rebuilds: Rebuilds

    async def get_catalogue(self, request: Request) -> Response:
        """The version in force, those before it, and what is wrong with the file, if anything."""
        self.verifier.require(request, Role.AGENT, Role.LEAD, Role.ADMIN)
        async with self.database.connection() as connection:
            adopted = await store.list_catalogues(connection)
        versions = [{"version": v, "adopted_at": format_instant(at)} for v, at in adopted]
        body = {
            "version": self.source.catalogue.version,
            "refused": list(self.source.refused),
            "versions": versions,
        }
        return JSONResponse(body)

    async def post_move(self, request: Request) -> Response:
        """Let the clocks of open tickets count by another version; again under one key is one."""
        caller = self.verifier.require(request, Role.ADMIN)
        refuse_while(self.rebuilds)
        key = web.idempotency_key(request) or self.new_key()
        asked = await web.read_json(request, MoveRequest)
        now = self.clock()
        wished = store.Recount(
            id=derive_id(NAMESPACE, "catalogue-move", caller.subject, key),
            account=None,
            from_version=asked.from_,
            to_version=asked.to,
            due_at=now,
            asked_by=caller.subject,
            asked_at=now,
            after=UUID(int=0),
            tickets=0,
            done_at=None,
        )
        async with self.database.transaction() as connection:
            await _refuse_unknown(connection, wished)
            move = await store.add_move(connection, wished)
        if (move.from_version, move.to_version) != (wished.from_version, wished.to_version):
            detail = "This Idempotency-Key belongs to another move."
            raise problems.Problem(422, "Invalid request", detail)
        headers = {"Location": f"/v1/catalogue/moves/{move.id}"}
        return JSONResponse(_shown(move), 202, headers=headers)

    async def get_move(self, request: Request) -> Response:
        """How far a move has come."""
        self.verifier.require(request, Role.AGENT, Role.LEAD, Role.ADMIN)
        async with self.database.connection() as connection:
            move = await store.read_move(connection, request.path_params["move"])
        if move is None:
            raise problems.Problem(404, "Not found", "There is no such move.")
        return JSONResponse(_shown(move))


def routes(catalogue: CatalogueRoutes) -> list[Route]:
    """The routes of the catalogue."""
    return [
        Route("/v1/catalogue", catalogue.get_catalogue, methods=["GET"]),
        Route("/v1/catalogue/moves", catalogue.post_move, methods=["POST"]),
        Route("/v1/catalogue/moves/{move:uuid}", catalogue.get_move, methods=["GET"]),
    ]


async def _refuse_unknown(connection: Connection, move: store.Recount) -> None:
    named = {"to": move.to_version, "from": move.from_version}
    wanted = {version for version in named.values() if version is not None}
    known = await store.read_catalogues(connection, wanted)
    errors = [
        {"pointer": f"/{field}", "detail": f"no catalogue {version!r} was ever in force"}
        for field, version in named.items()
        if version is not None and version not in known
    ]
    if errors:
        detail = "Name versions that GET /v1/catalogue lists."
        raise problems.Problem(422, "Invalid request", detail, errors=errors)


def _shown(move: store.Recount) -> dict[str, Any]:
    return {
        "move": str(move.id),
        "from": move.from_version,
        "to": move.to_version,
        "asked_by": move.asked_by,
        "asked_at": format_instant(move.asked_at),
        "tickets": move.tickets,
        "done_at": move.done_at and format_instant(move.done_at),
    }
