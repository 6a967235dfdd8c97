"""A desk whose Postgres is put back from a base backup: nothing that was answered 202 is lost."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest

from shared.deadlines import DeadlineBreached, DeadlineEvent
from shared.envelope import Topic
from shared.events import Event, TicketSlotted
from shared.messages import MessagePosted
from shared.notifications import (
    NotificationFailed,
    NotificationKind,
    NotificationSent,
    NotificationSuppressed,
)
from tests.support.base_backup import put_back, run_tool, take_base_backup
from tests.support.desk import SERVICES, WITH_DATABASE, Desk, running_desk
from tests.support.groups import dismiss_members, unmark_offsets
from tests.support.lone_postgres import LonePostgres, running_postgres
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(480)  # more than all waits of a test together

LEADS = "support-leads@careline.example"
PLANS = {"an-account": "centurion", "another": "basic"}
"""Breached after 4 s, and after 10 s, unless somebody answers."""


@dataclass
class Load:
    """Somebody asks, one ticket after the other, and agents answer every third."""

    desk: Desk
    accepted: list[str] = field(default_factory=list)
    """Tickets that were answered with 202."""
    answered: dict[str, str] = field(default_factory=dict)
    """Tickets that an agent has written into, and what was asked for then."""
    ending: bool = False

    async def run(self) -> None:
        """Go on until told to end."""
        async with httpx.AsyncClient() as client:
            while not self.ending:
                await self._ask(client)
                if len(self.accepted) % 3 == 0:
                    await self._answer(client, self.accepted[-1])
                await asyncio.sleep(0.1)

    async def ask_once(self) -> None:
        """Ask for one more thing."""
        async with httpx.AsyncClient() as client:
            await self._ask(client)

    async def end(self, running: "asyncio.Task[None]") -> None:
        """Stop asking."""
        self.ending = True
        await running

    async def _ask(self, client: httpx.AsyncClient) -> None:
        number = len(self.accepted)
        request = {
            "requester": {"name": "A Customer", "address": f"customer{number}@customer.example"},
            "account": list(PLANS)[number % 2],
            "subject": f"Question {number}",
            "text": "How does it work?",
            "channel": "web",
        }
        answer = await client.post(f"{self.desk.url('intake')}/v1/tickets", json=request)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        self.accepted.append(answer.json()["ticket"])

    async def _answer(self, client: httpx.AsyncClient, ticket: str) -> None:
        async def posted() -> bool:
            answer = await client.post(
                f"{self.desk.url('messaging')}/v1/tickets/{ticket}/messages",
                json={"text": "Like this."},
                headers=self.desk.bearer("agent"),
            )
            return answer.status_code == httpx.codes.CREATED

        await until(posted, what="the thread is open and was answered")
        self.answered[ticket] = "Like this."


@pytest.fixture
def lone() -> Iterator[LonePostgres]:
    """A Postgres of this test's own."""
    with running_postgres() as running:
        yield running


@pytest.fixture
def desk(stack: Stack, lone: LonePostgres, tmp_path: Path) -> Iterator[Desk]:
    """A desk with Kafka as all tests have it, and the Postgres that will be put back."""
    whole = Stack(stack.bootstrap_servers, lone.admin_dsn)
    with running_desk(whole, tmp_path) as made:
        yield made


async def _start(desk: Desk) -> None:
    for service in SERVICES:
        desk.start(service)
    await desk.ready()


async def _put_plans(desk: Desk) -> None:
    async with httpx.AsyncClient() as client:
        for account, plan in PLANS.items():
            answer = await client.put(
                f"{desk.url('sla')}/v1/accounts/{account}/plan",
                json={"plan": plan},
                headers=desk.bearer("admin"),
            )
            assert answer.is_success, answer.text


async def _said(desk: Desk) -> list[Event]:
    return await read_events(desk.stack.bootstrap_servers, desk.namespace, *Topic)


async def _breached(desk: Desk, tickets: set[str]) -> bool:
    said = await _said(desk)
    return tickets <= {event.subject for event in said if isinstance(event, DeadlineBreached)}


async def _lose_and_put_back(desk: Desk, lone: LonePostgres, backup: Path) -> None:
    """All die at once, as in a power cut; Postgres comes back as it was when it was copied."""
    for service in SERVICES:
        desk.kill(service)
    for service in WITH_DATABASE:
        await dismiss_members(desk.stack.bootstrap_servers, f"{desk.namespace}.{service}")
    await put_back(lone, backup)
    await _start(desk)


async def test_a_desk_that_is_put_back_loses_no_ticket_and_doubles_nothing(
    desk: Desk, lone: LonePostgres, tmp_path: Path
) -> None:
    """Every 202 has one thread, one slot, one acknowledgement; what had been said stays said.

    The backup is taken under load; tickets, answers, mails and breaches go on after it.
    """
    await _start(desk)
    await _put_plans(desk)
    load = Load(desk)
    asking = asyncio.create_task(load.run())
    await until(lambda: len(load.accepted) > 15, what="some were accepted before the backup")
    await asyncio.to_thread(take_base_backup, lone.server, tmp_path / "backup")
    early = len(load.accepted)
    await until(lambda: len(load.accepted) > early + 20, what="and some after it")
    late = set(load.accepted[early : early + 10]) - load.answered.keys()
    await until(lambda: _breached(desk, late), what="what came after it is breached, too")
    await load.end(asking)
    before = await _said(desk)

    await _lose_and_put_back(desk, lone, tmp_path / "backup")

    for service in WITH_DATABASE:
        assert any(line["event"] == "database_is_restored" for line in desk.log(service)), service
        assert not [line for line in desk.log(service) if line["event"] == "dead_letter"]
    await _assert_kept(desk, load)
    unanswered = set(load.accepted) - load.answered.keys()
    await until(lambda: _breached(desk, unanswered), what="deadlines fire")
    after = await _said(desk)
    assert Counter(event.id for event in before) <= Counter(event.id for event in after)
    _assert_said_once(after, load)
    _assert_mailed_once(desk, load, after)


@pytest.mark.long
@pytest.mark.parametrize("service", WITH_DATABASE)
async def test_one_service_is_put_back_while_the_others_go_on(
    desk: Desk, lone: LonePostgres, tmp_path: Path, service: str
) -> None:
    """By pg_dump and pg_restore of its database alone, both as a superuser.

    Row security hides customers' rows from the owner, too: as such, pg_dump refuses.
    """
    await _start(desk)
    await _put_plans(desk)
    load = Load(desk)
    asking = asyncio.create_task(load.run())
    await until(lambda: len(load.accepted) > 15, what="some were accepted before the backup")
    copy = tmp_path / "one.dump"
    name = desk.dsn(service).rpartition("/")[2]
    admin = lone.admin_dsn.replace("/postgres?", f"/{name}?")
    await asyncio.to_thread(run_tool, "pg_dump", "--format=custom", f"--file={copy}", admin)
    early = len(load.accepted)
    await until(lambda: len(load.accepted) > early + 10, what="and some after it")
    await load.end(asking)

    desk.kill(service)
    await _administer(lone, f"DROP DATABASE {name} WITH (FORCE)")
    await _administer(lone, f"CREATE DATABASE {name} OWNER {name}")
    restored = f"--dbname={admin}"
    await asyncio.to_thread(run_tool, "pg_restore", restored, "--exit-on-error", str(copy))
    desk.start(service)
    await desk.ready(service)

    assert any(line["event"] == "database_is_restored" for line in desk.log(service))
    await _assert_kept(desk, load)
    unanswered = set(load.accepted) - load.answered.keys()
    await until(lambda: _breached(desk, unanswered), what="deadlines fire")
    after = await _said(desk)
    _assert_said_once(after, load)
    _assert_mailed_once(desk, load, after)


@pytest.mark.long
async def test_without_positions_tickets_are_missing(
    desk: Desk, lone: LonePostgres, tmp_path: Path
) -> None:
    """What the other tests would see if a database did not say how old it is."""
    await _start(desk)
    await _put_plans(desk)
    load = Load(desk)
    asking = asyncio.create_task(load.run())
    await until(lambda: len(load.accepted) > 5, what="some were accepted before the backup")
    await asyncio.to_thread(take_base_backup, lone.server, tmp_path / "backup")
    early = len(load.accepted)
    await until(lambda: len(load.accepted) > early + 10, what="and some after it")
    await load.end(asking)
    await until(lambda: _has_threads(desk, load), what="all have a thread")

    for service in SERVICES:
        desk.kill(service)
    await put_back(lone, tmp_path / "backup")
    for service in WITH_DATABASE:
        group = f"{desk.namespace}.{service}"
        await dismiss_members(desk.stack.bootstrap_servers, group)
        await unmark_offsets(desk.stack.bootstrap_servers, group)
        await desk.query(service, "DELETE FROM stream_positions")
    await _start(desk)
    assert not await _has_threads(desk, load)
    # Not only late: what comes now is there, and they are not.
    (lost,) = set(load.accepted[-1:])
    await load.ask_once()
    await until(lambda: _has_thread(desk, load.accepted[-1]), what="a new ticket has a thread")
    assert not await _has_thread(desk, lost)


async def _administer(lone: LonePostgres, statement: str) -> None:
    connection = await asyncpg.connect(lone.admin_dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _has_threads(desk: Desk, load: Load) -> bool:
    rows = await desk.query("messaging", "SELECT ticket FROM threads")
    return {str(row["ticket"]) for row in rows} >= set(load.accepted)


async def _has_thread(desk: Desk, ticket: str) -> bool:
    sql = "SELECT 1 FROM threads WHERE ticket = $1::uuid"
    return bool(await desk.query("messaging", sql, ticket))


async def _assert_kept(desk: Desk, load: Load) -> None:
    """One thread with one first message, one slot, one acknowledgement of each ticket."""
    tickets = set(load.accepted)
    await until(lambda: _has_threads(desk, load), what="every ticket has its thread")
    rows = await desk.query("messaging", "SELECT ticket FROM messages WHERE sequence = 1")
    assert Counter(str(row["ticket"]) for row in rows) == Counter(tickets)

    async def slotted() -> bool:
        rows = await desk.query("sla", "SELECT ticket FROM tickets WHERE opened_at IS NOT NULL")
        return {str(row["ticket"]) for row in rows} == tickets

    await until(slotted, what="every ticket has its slot")

    async def acknowledged() -> bool:
        rows = await desk.query(
            "notifier",
            "SELECT ticket FROM deliveries WHERE kind = 'acknowledgement' AND state = 'sent'",
        )
        return Counter(str(row["ticket"]) for row in rows) == Counter(tickets)

    await until(acknowledged, within=60, what="every ticket is acknowledged")
    rows = await desk.query("messaging", "SELECT ticket FROM messages WHERE author_kind = 'agent'")
    answered = Counter(str(row["ticket"]) for row in rows)
    assert answered == Counter(load.answered.keys())
    for service in ("sla", "messaging"):
        rows = await desk.query(service, "SELECT count(*) FROM restored_outbox")
        assert rows[0]["count"] == 0


def _what(event: Event) -> tuple[object, ...] | None:
    """What may be said once only, under one id."""
    match event:
        case TicketSlotted():
            return ("slotted", event.subject)
        case MessagePosted(data=data):
            return ("posted", data.message)
        case DeadlineBreached(data=data):
            return ("breached", event.subject, data.clock, data.cycle)
        case NotificationSent() | NotificationFailed() | NotificationSuppressed():
            return ("notified", event.data.delivery)
    if isinstance(event, DeadlineEvent):
        return (event.type, event.subject, event.data.clock, event.data.cycle, event.data.revision)
    return None


def _assert_said_once(said: list[Event], load: Load) -> None:
    ids: defaultdict[tuple[object, ...], set[UUID]] = defaultdict(set)
    for event in said:
        if (what := _what(event)) is not None:
            ids[what].add(event.id)
    assert {what: found for what, found in ids.items() if len(found) > 1} == {}
    assert {ticket for kind, ticket, *_ in ids if kind == "slotted"} == set(load.accepted)


def _assert_mailed_once(desk: Desk, load: Load, said: list[Event]) -> None:
    """No second copy of any mail, but of those of which it was said to be possible."""
    with desk.mailbox.lock:
        mails = Counter(str(mail["Message-ID"]) for mail in desk.mailbox.mails)
        acknowledged = Counter(str(mail["To"]) for mail in desk.mailbox.mails)
    possible = [
        event
        for event in said
        if isinstance(event, NotificationSent) and event.data.second_copy_possible
    ]
    doubled = {mail for mail, count in mails.items() if count > 1}
    assert len(doubled) <= len(possible), f"{doubled} without a word of {len(possible)}"
    first = [
        event
        for event in said
        if isinstance(event, NotificationSent)
        and event.data.kind is NotificationKind.ACKNOWLEDGEMENT
    ]
    assert len({event.data.delivery for event in first}) == len(load.accepted)
    assert all(acknowledged[f"customer{n}@customer.example"] for n in range(len(load.accepted)))
