"""The auditor beside a real desk: silent while all is well, and never when something is spoiled."""

import re
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import httpx
import pytest

from deploy.auditor import grants
from deploy.auditor.promises import Promise
from deploy.local import auditor
from shared.deadlines import DeadlineBreached
from shared.envelope import Topic, derive_id
from shared.events import TicketCreated
from shared.notifications import NotificationKind, NotificationSent
from tests.support import said
from tests.support.desk import AUDITOR, SECRET, SERVICES, WITH_DATABASE, Desk
from tests.support.stream import publish, read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)  # a whole desk starts first

ACCOUNT = "an-account"
SOON = {
    "CARELINE_AUDIT_SLOTTED_WITHIN": "5",
    "CARELINE_AUDIT_ACKNOWLEDGED_WITHIN": "20",
    "CARELINE_AUDIT_FOLLOWS_WITHIN": "10",
    "CARELINE_AUDIT_FIRED_WITHIN": "20",
    "CARELINE_AUDIT_DATABASE_EVERY": "0.5",
}


@pytest.fixture
async def audited(desk: Desk) -> Desk:
    """A desk with its four services, and the auditor beside them."""
    for service in SERVICES:
        desk.start(service)
    await desk.ready()
    server = urlsplit(desk.stack.postgres_admin_dsn)
    owners = {service: desk.dsn(service) for service in WITH_DATABASE}
    address = f"{server.hostname}:{server.port}"
    told = await auditor.admit(desk.stack.postgres_admin_dsn, address, SECRET, owners)
    desk.start(AUDITOR, **SOON, **told)
    await desk.ready(AUDITOR)
    return desk


async def measured(desk: Desk, series: str) -> float:
    """What a series says now."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{desk.url(AUDITOR)}/metrics")).text
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    assert found is not None, f"{series} is not exported"
    return float(found[1])


async def open_now(desk: Desk, promise: Promise) -> float:
    """How many violations of a promise are open."""
    return await measured(desk, f'invariant_violations{{promise="{promise}"}}')


async def becomes(desk: Desk, promise: Promise, number: float) -> None:
    """Wait until so many are open."""

    async def is_so() -> bool:
        return await open_now(desk, promise) == number

    await until(is_so, within=60, what=f"{number} violations of {promise}")


async def send_tickets(desk: Desk, number: int) -> list[str]:
    """Send tickets, and wait until all are acknowledged."""
    asked = {"subject": "It is empty", "text": "No rows.", "locale": "en", "time_zone": "UTC"}
    tickets = []
    async with httpx.AsyncClient(timeout=20) as client:
        for each in range(number):
            who = {"address": f"customer-{each}@customer.example"}
            url = f"{desk.url('intake')}/v1/tickets"
            body = {"requester": who, "account": ACCOUNT, **asked}
            answer = await client.post(url, json=body)
            assert answer.status_code == 202
            tickets.append(answer.json()["ticket"])

    async def all_are_acknowledged() -> bool:
        heard = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.NOTIFICATIONS)
        return {each.subject for each in heard if isinstance(each, NotificationSent)} >= {*tickets}

    await until(all_are_acknowledged, within=60, what="all are acknowledged")
    return tickets


async def put_on_a_plan(desk: Desk) -> None:
    """Promise the tickets' account an answer within seconds."""
    url = f"{desk.url('sla')}/v1/accounts/{ACCOUNT}/plan"
    async with httpx.AsyncClient(timeout=20) as client:
        answer = await client.put(url, json={"plan": "centurion"}, headers=desk.bearer("admin"))
    assert answer.status_code < 300


async def breached(desk: Desk, tickets: list[str]) -> None:
    """Wait until nobody has answered any of them in time."""

    async def all_are_breached() -> bool:
        heard = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.SLA)
        return {each.subject for each in heard if isinstance(each, DeadlineBreached)} >= {*tickets}

    await until(all_are_breached, within=60, what="all are breached")


async def judged_once_more(desk: Desk) -> None:
    """Wait until the auditor has heard and compared what there was by now."""
    before = await measured(desk, 'auditor_tickets_compared_total{database="sla"}')
    beginning = said.now()

    async def has_looked() -> bool:
        behind = await measured(desk, "auditor_behind_seconds")
        compared = await measured(desk, 'auditor_tickets_compared_total{database="sla"}')
        heard_until = said.now() - timedelta(seconds=behind)
        return heard_until > beginning + timedelta(seconds=11) and compared > before + 3

    await until(has_looked, within=60, what="the auditor has looked")


async def test_a_desk_that_runs_well_and_is_then_spoiled(audited: Desk) -> None:
    """No violation at first; then a second acknowledgement, a lost slot and a lost thread."""
    await put_on_a_plan(audited)
    tickets = await send_tickets(audited, 3)
    await breached(audited, tickets)
    await judged_once_more(audited)
    assert [p for p in Promise if await open_now(audited, p)] == []
    assert await measured(audited, "auditor_tracked_tickets") == 3
    for service in WITH_DATABASE:
        assert await measured(audited, f'auditor_database_read{{database="{service}"}}') == 1

    events = await read_events(audited.stack.bootstrap_servers, audited.namespace, Topic.TICKETS)
    (created,) = [
        each for each in events if isinstance(each, TicketCreated) and each.subject == tickets[0]
    ]
    second = said.acknowledged(created)
    other = derive_id(created.id, NotificationKind.ACKNOWLEDGEMENT, "once more")
    data = second.data.model_copy(update={"delivery": other})
    doubled = second.model_copy(update={"id": other, "data": data})
    await publish(audited.stack.bootstrap_servers, audited.namespace, [doubled])
    await becomes(audited, Promise.ACKNOWLEDGED, 1)

    lost = UUID(tickets[1])
    await change(
        audited, "sla", "UPDATE deadlines SET revision = revision + 5 WHERE ticket = $1", lost
    )
    await becomes(audited, Promise.DEADLINES_AGREE, 1)
    await change(
        audited, "sla", "UPDATE deadlines SET revision = revision - 5 WHERE ticket = $1", lost
    )
    await becomes(audited, Promise.DEADLINES_AGREE, 0)
    await change(audited, "sla", "DELETE FROM tickets WHERE ticket = $1", lost)
    await becomes(audited, Promise.SLOT_KEPT, 1)
    await change(audited, "messaging", "DELETE FROM threads WHERE ticket = $1", UUID(tickets[2]))
    await becomes(audited, Promise.THREAD_KEPT, 1)
    assert await open_now(audited, Promise.ACKNOWLEDGEMENT_KEPT) == 0

    told = [line for line in audited.log(AUDITOR) if line["event"] == "invariant_violated"]
    assert {(line["promise"], line["ticket"]) for line in told} == {
        ("acknowledged_once", tickets[0]),
        ("deadlines_agree", tickets[1]),
        ("slot_in_database", tickets[1]),
        ("thread_in_database", tickets[2]),
    }
    assert "customer-" not in str(audited.log(AUDITOR))
    assert audited.stop(AUDITOR) == 0


async def test_what_a_desk_leaves_undone_is_found_and_heals(audited: Desk) -> None:
    """While sla is away tickets get no slot: found; back again it slots them, and all is well."""
    audited.kill("sla")
    tickets = await send_tickets(audited, 2)
    await becomes(audited, Promise.SLOTTED, len(tickets))
    audited.start("sla")
    await becomes(audited, Promise.SLOTTED, 0)
    found = 'auditor_violations_found_total{promise="slotted_once"}'
    assert await measured(audited, found) == len(tickets)


async def test_the_role_reads_no_words_and_writes_nothing(audited: Desk) -> None:
    """Of each database it sees a few columns; and a role that may write is not used at all."""
    address = urlsplit(audited.dsn("messaging"))
    login = f"{grants.ROLE}:{SECRET}@{address.hostname}:{address.port}"
    connection = await asyncpg.connect(f"postgresql://{login}{address.path}")
    try:
        for forbidden in (
            "SELECT subject FROM threads",
            "SELECT text FROM messages",
            "SELECT value FROM outbox",
            "DELETE FROM threads",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)
    finally:
        await connection.close()
    audited.stop(AUDITOR)
    audited.start(AUDITOR, **SOON, CARELINE_AUDIT_SLA=audited.dsn("sla"))
    await audited.ready(AUDITOR)

    async def is_refused() -> bool:
        lines = [line for line in audited.log(AUDITOR) if line["event"] == "database_unread"]
        return any("may write to" in (line["why"] or "") for line in lines)

    await until(is_refused, within=30, what="the writable role is refused")
    assert await measured(audited, 'auditor_database_read{database="sla"}') == 0


async def change(desk: Desk, service: str, sql: str, ticket: UUID) -> None:
    """Spoil a service's database, as its owner."""
    connection = await asyncpg.connect(desk.dsn(service))
    try:
        await connection.execute(sql, ticket)
    finally:
        await connection.close()
