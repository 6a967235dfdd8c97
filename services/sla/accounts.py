"""The account directory: which account is on which plan. Pure: rows in, changes out."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Annotated
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    EmailStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from services.sla.clocks import Fact, FactKind
from shared.envelope import NAMESPACE, Instant, derive_id, format_instant
from shared.events import PlanChanged
from shared.identity import requester_id

SOURCE = "/services/sla"

MOST_ROWS = 10_000
"""Rows of one import."""

AccountId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class ImportRow(BaseModel):
    """One row: an account by its id, or a person without an organisation by their address."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    account: AccountId | None = None
    address: EmailStr | None = None
    plan: str
    since: Instant | None = None


_ROW = TypeAdapter(ImportRow)


@dataclass(frozen=True, slots=True)
class PlanChange:
    """An account gets a plan."""

    id: UUID
    account: str
    plan: str
    previous: str | None
    since: datetime
    changed_by: str
    changed_at: datetime
    led_by: UUID | None = None
    """Id of the event that led to it; None where somebody changed the directory itself."""

    @property
    def takes_effect_at(self) -> datetime:
        """When clocks that run already hear of it: a promise can't begin before it is made."""
        return max(self.since, self.changed_at)

    @property
    def event_id(self) -> UUID:
        """Of its `PlanChanged`."""
        return derive_id(self.id, str(PlanChanged.model_fields["type"].default), "")


@dataclass(frozen=True, slots=True)
class InForce:
    """A plan that counts for an account."""

    plan: str
    change: UUID
    """Id of the change that put the account onto it."""
    since: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants of the directory; `since` None means from now on."""

    account: str
    plan: str
    since: datetime | None


class ImportRefusedError(ValueError):
    """An import is refused as a whole; `problems` says what is wrong in which row."""

    def __init__(self, problems: Sequence[dict[str, str]]) -> None:
        super().__init__(f"{len(problems)} rows are wrong")
        self.problems = problems


def read_csv(text: str) -> list[Mapping[str, object]]:
    """The rows of a CSV file with a header; empty fields are left out.

    Raises:
        ImportRefusedError: when it has no header, a row has more fields than that, or it is no CSV.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        return _read_rows(reader)
    except csv.Error as error:
        problem = {"row": str(reader.line_num), "detail": f"is no CSV: {error}"}
        raise ImportRefusedError([problem]) from None


def _read_rows(reader: "csv.DictReader[str]") -> list[Mapping[str, object]]:
    if reader.fieldnames is None:
        raise ImportRefusedError([{"row": "1", "detail": "there is no header"}])
    rows: list[Mapping[str, object]] = []
    for row in reader:
        if None in row:
            problem = {"row": str(len(rows) + 1), "detail": "more fields than the header has"}
            raise ImportRefusedError([problem])
        rows.append({key: value for key, value in row.items() if value})
    return rows


def read_wishes(
    rows: Sequence[object], *, known_plans: Sequence[str], pseudonym_secret: str
) -> list[Wish]:
    """What an import asks for.

    Raises:
        ImportRefusedError: with every row that is wrong; nothing of the import is to be done then.
    """
    if len(rows) > MOST_ROWS:
        raise ImportRefusedError([{"row": "all", "detail": f"more than {MOST_ROWS} rows"}])
    problems: list[dict[str, str]] = []
    wishes: dict[tuple[str, datetime | None], Wish] = {}
    for number, row in enumerate(rows, start=1):
        try:
            wish = _wish(row, known_plans, pseudonym_secret)
        except ValueError as error:
            problems.append({"row": str(number), "detail": _reason(error)})
            continue
        if wishes.setdefault((wish.account, wish.since), wish) is not wish:
            detail = "an earlier row has this account with the same date"
            problems.append({"row": str(number), "detail": detail})
    if problems:
        raise ImportRefusedError(problems)
    return list(wishes.values())


def _wish(row: object, known_plans: Sequence[str], pseudonym_secret: str) -> Wish:
    read = _ROW.validate_python(row)
    if (read.account is None) == (read.address is None):
        raise ValueError("give either an account or an address")
    if read.plan not in known_plans:
        raise ValueError(f"the catalogue has no such plan; it has {', '.join(known_plans)}")
    account = read.account or requester_id(str(read.address), secret=pseudonym_secret)
    return Wish(account, read.plan, read.since)


def _reason(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return ".".join(map(str, first["loc"])) + ": " + first["msg"]
    return str(error)


def decide_changes(
    wishes: Sequence[Wish],
    in_force: Sequence[InForce | None],
    *,
    changed_by: str,
    now: datetime,
    led_by: UUID | None = None,
) -> list[PlanChange]:
    """The changes that wishes come to: none for what is so already.

    Args:
        wishes: In the order in which they are to be done.
        in_force: For each wish what counts for its account when it begins.
        changed_by: Who wishes.
        now: When a wish without a date begins.
        led_by: The event that led to it, if one did.
    """
    changes: list[PlanChange] = []
    made: dict[str, list[PlanChange]] = {}
    for wish, kept in zip(wishes, in_force, strict=True):
        since = wish.since or now
        found = _latest(kept, made.get(wish.account, ()), since)
        if found and found.plan == wish.plan and wish.since in (None, found.since):
            continue
        change = PlanChange(
            # What it replaces is part of it: to put a mistake right is a change of its own.
            id=derive_id(
                NAMESPACE,
                "plan-change",
                wish.account,
                wish.plan,
                format_instant(since),
                str(found.change) if found else "",
            ),
            account=wish.account,
            plan=wish.plan,
            previous=found.plan if found else None,
            since=since,
            changed_by=changed_by,
            changed_at=now,
            led_by=led_by,
        )
        changes.append(change)
        made.setdefault(wish.account, []).append(change)
    return changes


def _latest(kept: InForce | None, made: Sequence[PlanChange], at: datetime) -> InForce | None:
    """What counts at an instant: of what is kept, and of what was decided just before."""
    begun = [InForce(change.plan, change.id, change.since) for change in made if change.since <= at]
    if kept is not None:
        begun.insert(0, kept)
    return max(reversed(begun), key=attrgetter("since"), default=None)


def plan_facts(
    changes: Sequence[PlanChange], *, opened_at: datetime, slotted_by: UUID | None = None
) -> list[Fact]:
    """What an account's plan changes are to the clocks of a ticket.

    One that was overtaken by a later one before it took effect changes nothing. One that had taken
    effect when the ticket was opened is in its slot, unless sla got to know of it only afterwards.

    Args:
        changes: Those that have taken effect.
        opened_at: When the ticket was opened.
        slotted_by: Id of the change that it was slotted by, if there was any.
    """
    slot = next((_precedence(change) for change in changes if change.id == slotted_by), None)
    latest: tuple[datetime, datetime, UUID] | None = None
    in_effect: dict[datetime, PlanChange] = {}
    for change in sorted(changes, key=lambda c: (c.takes_effect_at, *_precedence(c))):
        if latest is None or _precedence(change) > latest:
            latest = _precedence(change)
            # All that had taken effect by the opening took effect with it.
            in_effect[max(change.takes_effect_at, opened_at)] = change
    return [
        Fact(change.event_id, FactKind.PLAN, at, change.plan)
        for at, change in in_effect.items()
        if at > opened_at or slot is None or _precedence(change) > slot
    ]


def _precedence(change: PlanChange) -> tuple[datetime, datetime, UUID]:
    """Of two changes that have begun, the one with the higher precedence counts."""
    return change.since, change.changed_at, change.id
