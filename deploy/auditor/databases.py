"""The databases, held against the stream: once in a while, a bounded number of recent tickets.

What a look finds counts only when the next look finds it too: the stream and a database are never
read at the same moment.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

import structlog

from deploy.auditor import store
from deploy.auditor.case import Case
from deploy.auditor.checks import Checks
from deploy.auditor.clocks import Clock
from deploy.auditor.promises import Findings, Promise, Register, Violation
from deploy.auditor.store import Row
from shared import metrics
from shared.database import Connection, Database

log = structlog.get_logger(__name__)

SETTLE = timedelta(seconds=5)
"""How long what was said of a ticket must lie back before a database is held against it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is looked up at a time."""

    window: timedelta
    tickets: int
    outbox_within: timedelta


class Databases:
    """Those that the auditor may look into. Run `step` in a worker.

    Args:
        addresses: By service.
        checks: What the stream has told; another one after the reading began anew.
        bounds: How much is looked up at a time.
        clock: The present, with a zone.
        tell: Takes what was found.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        checks: Callable[[], Checks],
        bounds: Bounds,
        *,
        clock: Callable[[], datetime],
        tell: Callable[[Findings], None],
    ) -> None:
        self._databases = {
            name: Database(dsn, service="auditor", size=1) for name, dsn in addresses.items()
        }
        for database in self._databases.values():
            database.on_connect = store.refuse_to_write
        self._checks = checks
        self._bounds = bounds
        self._clock = clock
        self._tell = tell
        self._after: datetime | None = None
        self._suspected: dict[str, dict[tuple[Promise, str, str], Violation]] = {}
        self.register = Register()

    async def stop(self) -> None:
        """Close what is open."""
        for database in self._databases.values():
            await database.stop()

    async def step(self) -> bool:
        """Look once into each; one that can't be read is looked into the next time."""
        cases = self._choose()
        for service, database in self._databases.items():
            try:
                seen = await self._read(service, database, cases)
            except Exception as error:  # noqa: BLE001 - one of them must not hide the others
                why = str(error) if isinstance(error, store.WritableError) else None
                log.warning("database_unread", database=service, error=_name(error), why=why)
                metrics.AUDITOR_DATABASE_READ.labels(service).set(0)
            else:
                metrics.AUDITOR_DATABASE_READ.labels(service).set(1)
                metrics.AUDITOR_TICKETS_COMPARED.labels(service).inc(len(cases))
                self._tell(self.confirm(service, seen))
        return False

    def _choose(self) -> list[Case]:
        """Recent tickets, those that are suspected first, then as many as have their turn."""
        checks, until = self._checks(), self._checks().until
        oldest = until - self._bounds.window
        since = max(self._after or oldest, oldest)
        latest = until - max(checks.terms.slotted_within, SETTLE)
        chosen = list(islice(checks.begun(since, latest), self._bounds.tickets))
        is_more = len(chosen) == self._bounds.tickets
        self._after = chosen[-1].begun if is_more else None
        known = {case.ticket for case in chosen}
        suspected = {key[1] for each in self._suspected.values() for key in each} - known
        again = (checks.case(ticket) for ticket in sorted(suspected))
        return [case for case in again if case is not None] + chosen

    async def _read(
        self, service: str, database: Database, cases: Sequence[Case]
    ) -> list[Violation]:
        if database.ready() is not None:
            await database.start()
        look = {"sla": self._sla, "notifier": self._notifier, "messaging": self._messaging}
        async with database.snapshot() as connection:
            await store.hurry(connection)
            seen = await look[service](connection, cases)
            age = await store.read_outbox_age(connection)
        if age > self._bounds.outbox_within.total_seconds():
            text = f"{service} has had something to say for {age:.0f} s"
            seen.append(Violation(Promise.OUTBOX_MOVES, service, text, "", self._clock()))
        return seen

    async def _messaging(self, connection: Connection, cases: Sequence[Case]) -> list[Violation]:
        found = await store.find_threads(connection, _ids(cases))
        return list(self._missing(cases, found, Promise.THREAD_KEPT, "no thread"))

    async def _sla(self, connection: Connection, cases: Sequence[Case]) -> list[Violation]:
        ids = _ids(cases)
        found = await store.find_slots(connection, ids)
        rows = await store.read_deadlines(connection, ids)
        slots = self._missing(cases, found, Promise.SLOT_KEPT, "no slot")
        return [*slots, *differences(cases, rows, self._checks().until - SETTLE)]

    async def _notifier(self, connection: Connection, cases: Sequence[Case]) -> list[Violation]:
        counts = await store.count_acknowledgements(connection, _ids(cases))
        return [
            Violation(
                Promise.ACKNOWLEDGEMENT_KEPT,
                case.ticket,
                f"{counts.get(UUID(case.ticket), 0)} acknowledgements in the database",
                "",
                self._clock(),
            )
            for case in cases
            if counts.get(UUID(case.ticket), 0) != 1
        ]

    def _missing(
        self, cases: Sequence[Case], found: set[UUID], promise: Promise, seen: str
    ) -> Iterator[Violation]:
        for case in cases:
            if UUID(case.ticket) not in found:
                text = f"{seen} in the database"
                yield Violation(promise, case.ticket, text, "", self._clock())

    def confirm(self, service: str, seen: Sequence[Violation]) -> Findings:
        """What is open of a database: what this look has seen, and the one before."""
        now = {violation.key: violation for violation in seen}
        before = self._suspected.get(service, {})
        self._suspected[service] = now
        standing = [violation for key, violation in now.items() if key in before]
        promises = {"sla": _OF_SLA, "notifier": _OF_NOTIFIER, "messaging": _OF_MESSAGING}[service]
        own = [
            key
            for key in self.register.open
            if key[0] in promises or key[:2] == (Promise.OUTBOX_MOVES, service)
        ]
        return self.register.differ(own, standing)


_OF_SLA = {Promise.SLOT_KEPT, Promise.DEADLINES_AGREE}
_OF_NOTIFIER = {Promise.ACKNOWLEDGEMENT_KEPT}
_OF_MESSAGING = {Promise.THREAD_KEPT}


def differences(
    cases: Sequence[Case], rows: Mapping[tuple[str, str], Row], said_before: datetime
) -> Iterator[Violation]:
    """Where deadlines of a database are others than the stream says. Pure.

    Args:
        cases: Tickets as the stream tells them.
        rows: The database's deadlines of these.
        said_before: What was said later may not have got to the database's snapshot.
    """
    for case in cases:
        told = case.clocks
        kept = {name for ticket, name in rows if ticket == case.ticket}
        for name in sorted(told.keys() | kept):
            clock, row = told.get(name), rows.get((case.ticket, name))
            seen = _difference(clock, row)
            if seen and not (clock and clock.heard and clock.heard > said_before):
                about = f"{name}/{row.revision if row else 0}"
                text = f"{name}: {seen}"
                yield Violation(Promise.DEADLINES_AGREE, case.ticket, text, about, said_before)


def _difference(clock: Clock | None, row: Row | None) -> str:
    if clock is None:
        return "in the database, and never said"
    if row is None:
        return "said, and not in the database"
    if clock.revision != row.revision:
        return f"revision {clock.revision} was said, the database has {row.revision}"
    if (clock.state, clock.due) != (row.state, row.due):
        return f"{clock.state} was said, the database has {row.state}, or another due time"
    return ""


def _ids(cases: Sequence[Case]) -> list[UUID]:
    return [UUID(case.ticket) for case in cases]


def _name(error: Exception) -> str:
    return type(error).__name__
