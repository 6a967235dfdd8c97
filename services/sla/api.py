"""The account directory over HTTP: who is on which plan, and who changed it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sla import accounts, directory, store
from services.sla.catalogues import Book
from services.sla.waiting import Rebuilds, refuse_while
from shared import problems, web
from shared.database import Database
from shared.envelope import Instant, format_instant
from shared.identity import Role, Verifier

IMPORT_LIMIT = 4 * 1024 * 1024
"""Bytes of one import."""

_ACCOUNT: TypeAdapter[str] = TypeAdapter(accounts.AccountId)
_ROWS: TypeAdapter[list[object]] = TypeAdapter(list[object])


class PlanWish(BaseModel):
    """The body of `PUT /v1/accounts/{account}/plan`."""

    model_config = ConfigDict(extra="forbid")

    plan: str
    since: Instant | None = None


class Page(BaseModel):
    """Which accounts to list."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = ""
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    plan: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """What the routes need, and the routes."""

    database: Database
    verifier: Verifier
    book: Book
    clock: Callable[[], datetime]
    pseudonym_secret: str
    rebuilds: Rebuilds

    @property
    def plan_ids(self) -> tuple[str, ...]:
        """The plans that an account may be on."""
        return tuple(plan.id for plan in self.book.catalogue.plans)

    async def put_plan(self, request: Request) -> Response:
        """Put an account onto a plan, from now or from a stated time on; again is harmless."""
        caller = self.verifier.require(request, Role.ADMIN)
        refuse_while(self.rebuilds)
        account = _account(request)
        wish = await web.read_json(request, PlanWish)
        if wish.plan not in self.plan_ids:
            raise _unknown_plan(self)
        wishes = [accounts.Wish(account, wish.plan, wish.since)]
        async with self.database.transaction() as connection:
            await directory.change(connection, wishes, changed_by=caller.subject, clock=self.clock)
            history = await store.read_account(connection, account)
        return JSONResponse(_shown_account(account, history, self.clock()))

    async def import_accounts(self, request: Request) -> Response:
        """Put many accounts onto their plans, all of them or, with one row wrong, none."""
        caller = self.verifier.require(request, Role.ADMIN)
        refuse_while(self.rebuilds)
        wishes = await _wishes(self, request)
        async with self.database.transaction() as connection:
            changed = await directory.change(
                connection, wishes, changed_by=caller.subject, clock=self.clock
            )
        return JSONResponse({"changed": changed, "unchanged": len(wishes) - changed})

    async def list_accounts(self, request: Request) -> Response:
        """The accounts by id, in pages: `next` goes into the next request's `after`."""
        self.verifier.require(request, Role.AGENT, Role.LEAD, Role.ADMIN)
        page = web.read_query(request, Page)
        async with self.database.connection() as connection:
            found = await store.list_accounts(
                connection,
                now=self.clock(),
                after=page.after,
                limit=page.limit,
                plan=page.plan,
            )
        more = found[-1].account if len(found) == page.limit else None
        return JSONResponse({"accounts": [_shown(each) for each in found], "next": more})

    async def get_account(self, request: Request) -> Response:
        """An account with its whole history: who put it onto which plan, and when."""
        self.verifier.require(request, Role.AGENT, Role.LEAD, Role.ADMIN)
        account = _account(request)
        async with self.database.connection() as connection:
            history = await store.read_account(connection, account)
        if not history:
            raise problems.Problem(404, "Not found", "The directory has no such account.")
        return JSONResponse(_shown_account(account, history, self.clock()))


def routes(directory: Directory) -> list[Route]:
    """The routes of sla."""
    return [
        Route("/v1/accounts", directory.list_accounts, methods=["GET"]),
        Route("/v1/accounts/import", directory.import_accounts, methods=["POST"]),
        Route("/v1/accounts/{account}", directory.get_account, methods=["GET"]),
        Route("/v1/accounts/{account}/plan", directory.put_plan, methods=["PUT"]),
    ]


async def _wishes(directory: Directory, request: Request) -> list[accounts.Wish]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await web.read_body(request, limit=IMPORT_LIMIT)
    try:
        if media_type == "text/csv":
            rows: Sequence[object] = accounts.read_csv(body.decode("utf-8-sig"))
        elif media_type == "application/json":
            rows = _ROWS.validate_json(body)
        else:
            detail = "Send text/csv or application/json."
            raise problems.Problem(415, "Unsupported media type", detail)
        return accounts.read_wishes(
            rows,
            known_plans=directory.plan_ids,
            pseudonym_secret=directory.pseudonym_secret,
        )
    except accounts.ImportRefusedError as error:
        detail = "Nothing was imported; mend these rows and send it again."
        raise problems.Problem(422, "Invalid import", detail, errors=error.problems[:100]) from None
    except ValueError:
        detail = "Send CSV in UTF-8 with a header, or a JSON list of objects."
        raise problems.Problem(400, "Malformed import", detail) from None


def _account(request: Request) -> str:
    try:
        return _ACCOUNT.validate_python(request.path_params["account"])
    except ValidationError:
        detail = "An account's id has 1 to 100 letters, digits, dots, dashes or underscores."
        raise problems.Problem(404, "Not found", detail) from None


def _unknown_plan(directory: Directory) -> problems.Problem:
    detail = f"The catalogue has no such plan; it has {', '.join(directory.plan_ids)}."
    return problems.Problem(
        422, "Invalid request", detail, errors=[{"pointer": "/plan", "detail": detail}]
    )


def _shown_account(
    account: str, history: Sequence[tuple[accounts.PlanChange, store.Applied]], now: datetime
) -> dict[str, Any]:
    """The plan in force, none if the first is yet to begin, and all changes, the latest first."""
    in_force = next((change for change, _ in history if change.since <= now), None)
    return {
        "account": account,
        "plan": in_force and in_force.plan,
        "since": in_force and format_instant(in_force.since),
        "history": [
            _shown(change)
            | {
                "applied_at": applied.done_at and format_instant(applied.done_at),
                "applied_to_tickets": applied.tickets,
            }
            for change, applied in history
        ],
    }


def _shown(row: store.Account | accounts.PlanChange) -> dict[str, Any]:
    return {
        key: format_instant(value) if isinstance(value, datetime) else value
        for key, value in asdict(row).items()
        if key not in {"id", "led_by"}
    }
