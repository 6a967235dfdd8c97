"""What a customer's page shows of one ticket, read at one moment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID

from services.messaging import access, changes, store
from services.messaging.clocks import ClockView
from services.messaging.domain import Message, Thread
from services.messaging.files import File
from services.messaging.pages import outlooks, threads
from services.messaging.pages.outlooks import Expected, Facts, Outlook
from services.messaging.pages.threads import Day, Reader
from services.messaging.plans import Plans
from services.messaging.store import center
from services.messaging.store.standings import Standing
from services.messaging.store.threads import LATEST
from services.messaging.visitors import Visitor
from shared import moments, plan_words, plans
from shared.database import Connection
from shared.events import TicketStatus
from shared.languages import Language
from shared.messages import AuthorKind
from shared.plan_words import PlanRow
from shared.plans import Clock, Plan, Priority, UnknownPlanError
from shared.tickets import ticket_number

PAGE = 50
"""Messages on a page of a thread."""
MOST_RECENT = 10


@dataclass(frozen=True, slots=True)
class Position:
    """How a ticket stands, whoever of its customers reads it."""

    thread: Thread
    plan: str | None
    """Id of the plan that it is on now."""
    outlook: Outlook
    owed: Sequence[ClockView]
    """Clocks that run."""
    merged_into: Thread | None = None
    """Where the conversation goes on, if the reader may see that."""

    @property
    def number(self) -> str:
        """What the ticket is called."""
        return ticket_number(self.thread.ticket)

    @property
    def is_over(self) -> bool:
        """Whether nothing can be written here any more."""
        thread = self.thread
        gone = thread.merged_into is not None
        return gone or changes.is_over(thread, AuthorKind.CUSTOMER)

    @property
    def may_solve(self) -> bool:
        """Whether its customer can say that the problem is solved."""
        return not self.is_over and self.thread.status not in {
            TicketStatus.RESOLVED,
            TicketStatus.CLOSED,
        }

    @property
    def may_reopen(self) -> bool:
        """Whether its customer can say that it is not."""
        return not self.is_over and not self.may_solve


@dataclass(frozen=True, slots=True)
class Shown:
    """A ticket on a page."""

    position: Position
    language: Language
    zone: tzinfo
    plan_name: str | None
    asked_plan: str | None
    """Name of the plan that was asked for, until an agent has dealt with it."""
    higher: Sequence[PlanRow]
    """Plans above theirs, which they may ask for."""

    @property
    def thread(self) -> Thread:
        """The ticket itself."""
        return self.position.thread

    @property
    def headline(self) -> str:
        """What comes next, in a few words."""
        return outlooks.headline(self.position.outlook, self.zone, self.language)

    @property
    def sentence(self) -> str:
        """What comes next, as a sentence."""
        return outlooks.sentence(self.position.outlook, self.zone, self.language)

    @property
    def due(self) -> str:
        """When it is due, in words; empty if nothing is."""
        at = self.position.outlook.due_at
        return moments.spell(at, self.zone, self.language) if at else ""

    @property
    def others(self) -> Sequence[str]:
        """What else is promised, in a few words each."""
        return [
            outlooks.headline(
                Outlook(Expected.DUE, each.clock, each.due_at), self.zone, self.language
            )
            for each in self.position.owed
            if each.clock is not self.position.outlook.clock
        ]


@dataclass(frozen=True, slots=True)
class Pageful:
    """Some messages of a thread."""

    days: Sequence[Day]
    last: int
    """Place of the last message that is shown; what is new stands behind it."""
    earlier: int | None
    """What stands before this place is on the page before; None on the first."""
    first_unread: UUID | None = None


@dataclass(frozen=True, slots=True)
class Recent:
    """The last messages that have files."""

    messages: Sequence[Message]
    files: Mapping[UUID, Sequence[File]]

    @property
    def states(self) -> list[str]:
        """How their files stand."""
        files = (file for each in self.messages for file in self.files[each.id])
        return [f"{file.id} {file.state}" for file in files]


def plan_of(
    slotted: str | None,
    account_plan: str | None,
    clocks: Collection[ClockView],
    *,
    is_verified: bool,
) -> str | None:
    """Id of the plan that a ticket is on now; None until it has its slot.

    An account's plan may have changed since the ticket had its slot. Whether a named account counts
    though nobody proved it is for sla to say: then the clocks tell.
    """
    if slotted is None:
        return None
    if is_verified:
        return account_plan or slotted
    latest = max(clocks, key=lambda each: each.changed_at, default=None)
    return latest.plan if latest else slotted


def promised(catalogue: plans.Catalogue, plan: str | None, priority: Priority) -> frozenset[Clock]:
    """What a plan promises a time for; of one that is not there any more nobody knows it."""
    try:
        found: Plan = plans.plan(catalogue, plan or "")
    except UnknownPlanError:
        return frozenset()
    targets = found.targets[priority]
    return frozenset(clock for clock in Clock if targets.of(clock) is not None)


async def read_position(
    connection: Connection, visitor: Visitor, ticket: UUID, known: Plans, now: datetime
) -> Position:
    """How a ticket stands.

    Raises:
        Problem: 404 for no ticket of theirs.
    """
    thread = access.allowed(visitor, await store.read_thread(connection, ticket))
    standing: Standing = await store.read_standing(connection, ticket)
    account_plan = await store.read_plan(connection, thread.account, now=now)
    plan = plan_of(
        standing.plan, account_plan, standing.clocks, is_verified=thread.account_verified
    )
    into = thread.merged_into and await store.read_thread(connection, thread.merged_into)
    facts = Facts(
        status=thread.status,
        plan=plan,
        promises=promised(known.catalogue, plan, thread.priority),
        clocks=standing.clocks,
        answered_at=await center.read_last_answer(connection, ticket),
        is_waiting=thread.waiting_since is not None,
        is_merged=thread.merged_into is not None,
        is_final=changes.is_over(thread, AuthorKind.CUSTOMER),
    )
    return Position(thread, plan, outlooks.look_ahead(facts), outlooks.owed(facts), into or None)


def show(position: Position, known: Plans, language: Language) -> Shown:
    """A ticket in words."""
    asked = position.thread.asked_plan
    return Shown(
        position=position,
        language=language,
        zone=moments.zone_of(position.thread.time_zone),
        plan_name=position.plan and known.name(position.plan, language.tag),
        asked_plan=asked and known.name(asked, language.tag),
        higher=plans_above(known.catalogue, position.plan, language),
    )


def plans_above(catalogue: plans.Catalogue, plan: str | None, language: Language) -> list[PlanRow]:
    """What somebody on this plan may ask for."""
    if plan is None:
        return []
    rank = plans.rank(catalogue, plan)
    return [
        row
        for row in plan_words.rows(catalogue, plan, language)
        if plans.rank(catalogue, row.id) > rank
    ]


def names_of(visitor: Visitor, thread: Thread) -> frozenset[str]:
    """Under which a visitor writes here: whoever has only a link is held to be who asked."""
    if not visitor.is_signed_in:
        return frozenset({thread.requester})
    return frozenset(name for name in (visitor.caller.subject, visitor.requester) if name)


def reader_of(
    visitor: Visitor, thread: Thread, known: Plans, language: Language, now: datetime
) -> Reader:
    """For whom messages of this thread are shown."""
    return Reader(
        names=names_of(visitor, thread),
        zone=moments.zone_of(thread.time_zone),
        now=now,
        language=language,
        plans={each.id: known.name(each.id, language.tag) for each in known.catalogue.plans},
    )


async def read_page(
    connection: Connection, ticket: UUID, reader: Reader, *, before: int | None, read_to: int
) -> Pageful:
    """The newest messages, or those that stand before a place."""
    found = await store.list_messages(
        connection, ticket, before=before or LATEST, limit=PAGE + 1, notes=False
    )
    messages = found[-PAGE:]
    files = await store.list_attachments(connection, [each.id for each in messages])
    return Pageful(
        days=threads.by_day(messages, files, reader),
        last=messages[-1].sequence if messages else 0,
        earlier=messages[0].sequence if len(found) > PAGE else None,
        first_unread=_first_unread(messages, reader, read_to),
    )


async def read_newer(
    connection: Connection, ticket: UUID, after: int
) -> tuple[list[Message], Mapping[UUID, Sequence[File]]]:
    """What was written behind a place, with its files."""
    messages = await store.list_messages(connection, ticket, after=after, limit=500, notes=False)
    return messages, await store.list_attachments(connection, [each.id for each in messages])


async def read_recent(connection: Connection, ticket: UUID) -> Recent:
    """The last messages with files: those that came by mail come in parts, and later."""
    found = await store.list_messages(
        connection, ticket, before=LATEST, limit=MOST_RECENT, notes=False
    )
    files = await store.list_attachments(connection, [each.id for each in found])
    return Recent([each for each in found if files.get(each.id)], files)


def _first_unread(messages: Sequence[Message], reader: Reader, read_to: int) -> UUID | None:
    """Where somebody goes on reading; None where all is new to them, or nothing."""
    if not read_to:
        return None
    unread = (
        each.id
        for each in messages
        if each.sequence > read_to
        and each.author not in reader.names
        and each.author_kind is not AuthorKind.SYSTEM
    )
    return next(unread, None)
