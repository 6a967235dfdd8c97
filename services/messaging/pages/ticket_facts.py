"""What there is to know of a ticket beside its words, for agents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from services.messaging import access, store
from services.messaging.clocks import ClockState, ClockView
from services.messaging.countdowns import Countdown, spell
from services.messaging.domain import Thread
from services.messaging.filters import DONE
from services.messaging.pages import outlooks
from services.messaging.pages.desk import Desk, fingerprint
from services.messaging.store import beside, center
from services.messaging.store.beside import Other
from services.messaging.store.presences import Present, present
from services.messaging.store.standings import Standing
from services.messaging.visitors import Visitor
from shared.database import Connection
from shared.tickets import ticket_number

OTHERS = 8
"""Other tickets of the account that stand beside this one."""
_ENDINGS = {ClockState.MET: "kept", ClockState.CANCELLED: "ended"}


@dataclass(frozen=True, slots=True)
class Clocked:
    """A clock, and how it is counted."""

    view: ClockView
    counted: Countdown
    plan: str
    is_owed: bool
    """Whether what it promises is to do still: a breach stays on record when it is done."""

    @property
    def ending(self) -> str:
        """How it ended; nothing while there is something to do."""
        if self.view.state is ClockState.BREACHED:
            return "" if self.is_owed else "missed, done since"
        return _ENDINGS.get(self.view.state, "")

    @property
    def promise(self) -> str:
        """What is promised, in short."""
        return spell(self.counted.total)


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to know of a ticket beside its words."""

    thread: Thread
    standing: Standing
    plan: str | None
    """Of the account now, or else what the ticket was slotted by."""
    requested: str | None
    """The plan that sla was asked for, and has not answered yet."""
    declined: tuple[str, str] | None
    """The plan that sla declined, and why."""
    here: Sequence[Present]
    others: Sequence[Other]
    answered_at: datetime | None
    """When somebody of ours wrote last, so that the customer sees it."""
    merged: Sequence[UUID] = ()
    """Tickets that have gone into this one."""

    @property
    def number(self) -> str:
        """What the ticket is called."""
        return ticket_number(self.thread.ticket)

    @property
    def runs(self) -> bool:
        """Whether a clock runs, or stands still."""
        return any(_is_owed(self, each) for each in self.standing.clocks)

    @property
    def stamp(self) -> str:
        """All of it in a few characters."""
        return fingerprint(
            self.thread.revision, self.standing, self.plan, self.requested, self.declined, self.here
        )


async def read(connection: Connection, visitor: Visitor, ticket: UUID, now: datetime) -> Facts:
    """What there is to know now.

    Raises:
        Problem: 404 for no ticket of theirs.
    """
    thread = access.allowed(visitor, await store.read_thread(connection, ticket))
    standing = await store.read_standing(connection, ticket)
    plan = await store.read_plan(connection, thread.account, now=now)
    return Facts(
        thread,
        standing,
        plan or standing.plan,
        await store.read_plan_request(connection, ticket),
        await store.read_declined(connection, ticket),
        await present(connection, ticket, now),
        await beside.list_of_account(connection, thread.account, but=ticket, limit=OTHERS),
        await center.read_last_answer(connection, ticket),
        tuple(await store.list_merged(connection, ticket)),
    )


def clocked(facts: Facts, desk: Desk, now: datetime) -> list[Clocked]:
    """Its clocks: those that run first, the one that is due next before the others."""
    return [
        Clocked(view, desk.count(view, now), desk.plans.name(view.plan), _is_owed(facts, view))
        for view in _in_order(facts.standing.clocks)
    ]


def _is_owed(facts: Facts, clock: ClockView) -> bool:
    if clock.state is ClockState.BREACHED:
        return facts.thread.status not in DONE and outlooks.is_late(clock, facts.answered_at)
    return clock.state not in _ENDINGS


def _in_order(clocks: Sequence[ClockView]) -> list[ClockView]:
    """Those that run first, the one that is due next before the others; then what is over."""
    order = [
        ClockState.BREACHED,
        ClockState.AT_RISK,
        ClockState.RUNNING,
        ClockState.PAUSED,
        ClockState.MET,
        ClockState.CANCELLED,
    ]
    far = datetime.max.replace(tzinfo=UTC)
    return sorted(clocks, key=lambda each: (order.index(each.state), each.due_at or far))
