"""The stream as somebody reads it who has `docs/events/` and nothing else of ours.

Two clients that share no code with the services read every record from the beginning: librdkafka
through confluent-kafka, and the `kcat` command where it is installed (`tests/support/foreign.py`).
"""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_string
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.local import letters
from deploy.local.history import Mail
from shared.deadlines import DeadlineBreached
from shared.envelope import Topic
from shared.events import TicketCreated
from tests.support import agents_at_work, said
from tests.support.causality import find_reversed, seen
from tests.support.desk import CATALOGUE, MAILBOX, SERVICES, Desk, running_desk
from tests.support.foreign import Record, by_confluent, by_kcat, everything, refusals
from tests.support.schemas import SCHEMAS
from tests.support.stack import Stack
from tests.support.stream import publish, read_all, read_events
from tests.support.waiting import until

KEYED_BY_TICKET = {"tickets", "messages", "attachments", "sla", "notifications"}
ON_PAGES_ALONE = {"careline.ticket.links_revoked.v1"}
"""What somebody has to sign in for; here nobody does."""
PLANS = ("self-service", "starter", "basic", "advanced", "professional", "centurion")
PROVED = "professional"
"""Whose customer signs in, and so may ask for another plan."""
REFUSED = "refused@customer.example"
CUSTOMER = "it@customer.example"
LEADS = "support-leads@careline.example"
TEXT = "The words of a customer, which are nobody else's."

REPORT = f"""\
From: mailer-daemon@customer.example
To: {MAILBOX}
Subject: Undelivered mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="part"

--part
Content-Type: text/plain

It could not be delivered.

--part
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.customer.example

Final-Recipient: rfc822; {CUSTOMER}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 no such mailbox

--part
Content-Type: text/rfc822-headers

Message-ID: {{message_id}}

--part--
"""

UNHURRIED = (
    CATALOGUE.read_text(encoding="utf-8")
    .replace('"12s"', '"600s"')
    .replace('"8s"', '"600s"\ntargets.default.resolution = "900s"')
)
"""Starter and advanced have time to be changed before anything is due."""


@dataclass(frozen=True)
class Past:
    """A desk that has lived and stands still now."""

    bootstrap_servers: str
    namespace: str
    answered: str
    """The ticket that was answered in time."""


@pytest.fixture(scope="module")
def past(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Tickets on every plan, to which everything happens that can be said of a ticket."""
    with running_desk(stack, tmp_path_factory.mktemp("desk")) as desk:
        desk.mailbox.refused |= {REFUSED: "550 5.1.1 no such mailbox", LEADS: "451 4.3.0 later"}
        catalogue = desk.folder / "plans.toml"
        catalogue.write_text(UNHURRIED, encoding="utf-8")
        desk.settings["CARELINE_CATALOGUE"] = str(catalogue)
        for service in SERVICES:
            desk.start(service)
        answered = asyncio.run(_live(desk))
        assert [desk.stop(service) for service in SERVICES] == [0, 0, 0, 0]
        yield Past(stack.bootstrap_servers, desk.namespace, answered)


WITH_KCAT = pytest.param(
    "kcat", marks=pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed")
)


@pytest.fixture(scope="module", params=["confluent-kafka", WITH_KCAT])
def records(past: Past, request: pytest.FixtureRequest) -> list[Record]:
    """Everything on the desk's topics, as this client reads it."""
    client = {"confluent-kafka": by_confluent, "kcat": by_kcat}[request.param]
    return everything(client, past.bootstrap_servers, past.namespace)


@pytest.fixture(scope="module")
def told(records: list[Record]) -> list[Record]:
    """Those that say something: tombstones of keys only take back what was said."""
    return [record for record in records if record.raw is not None]


def test_every_record_is_accepted_by_every_validator(records: list[Record]) -> None:
    """JSON Schema, CloudEvents, and the AsyncAPI document's channels, keys and headers."""
    assert [wrong for record in records for wrong in refusals(record)] == []


def test_every_type_was_said(told: list[Record]) -> None:
    """Nothing is documented that is never said."""
    assert {record.value["type"] for record in told} | ON_PAGES_ALONE == set(SCHEMAS)


def test_a_ticket_has_one_partition_number_everywhere(past: Past, told: list[Record]) -> None:
    """Whoever reads one partition number of all topics hears all of its tickets, and in order."""
    by_ticket = [record for record in told if record.channel in KEYED_BY_TICKET]
    numbers = {(record.key, record.partition) for record in by_ticket}
    assert len(numbers) == len({record.key for record in by_ticket}) == len(PLANS) + 1
    assert len({partition for _, partition in numbers}) > 1
    channels = {record.channel for record in by_ticket if record.key == past.answered}
    assert channels == KEYED_BY_TICKET


def test_a_record_that_comes_twice_is_the_same(told: list[Record]) -> None:
    """An id stands for one event: where it comes again, the whole record does."""
    by_id: dict[str, dict[str, Any]] = {}
    for record in told:
        assert by_id.setdefault(record.value["id"], record.value) == record.value


def test_a_story_has_one_name(told: list[Record]) -> None:
    """All that is said of a ticket has the id of its `TicketCreated` as `correlationid`."""
    stories = {
        record.value["subject"]: record.value["id"]
        for record in told
        if record.value["type"] == "careline.ticket.created.v1"
    }
    for record in told:
        if record.channel in KEYED_BY_TICKET:
            assert record.value["correlationid"] == stories[record.key], record.value["type"]


async def test_causes_stand_before_their_effects(past: Past) -> None:
    """For each ticket, across all topics, by the broker's own clock and offsets."""
    topics = [f"{past.namespace}.{topic}" for topic in Topic]
    events = seen(await read_all(past.bootstrap_servers, *topics))
    assert len([event for event in events if event.cause]) > len(events) / 2
    assert find_reversed(events) == []


def test_personal_data_can_be_read_nowhere(records: list[Record]) -> None:
    """Nothing of who wrote or what they wrote, in no key, header or value."""
    whole = "\n".join(f"{record.key} {record.headers} {record.raw}" for record in records)
    people = ("A Customer", agents_at_work.COLLEAGUE_NAME, agents_at_work.COLLEAGUE_ADDRESS)
    for personal in (TEXT, REFUSED, "customer.example", "no such mailbox", *people):
        assert personal not in whole


def test_a_person_who_was_forgotten_can_be_read_by_nobody(records: list[Record]) -> None:
    """Their keys have tombstones, and no record of a key of theirs is said after that."""
    (asked,) = [
        record.value
        for record in records
        if record.raw and record.value["type"] == "careline.privacy.erasure_requested.v1"
    ]
    assert asked["data"]["keys"]
    for key in asked["data"]["keys"]:
        of_key = [each for each in records if each.channel == "keys" and each.key == key]
        assert of_key[-1].raw is None
    theirs = [each for each in records if each.raw and asked["subject"] in each.raw]
    assert {each.channel for each in theirs} >= {"tickets", "privacy"}


async def _live(desk: Desk) -> str:
    """Let the desk live until every type was said; returns the ticket that was answered."""
    await desk.ready()
    async with httpx.AsyncClient() as client:
        for plan in PLANS:
            await _put_plan(client, desk, plan)
        tickets = {plan: await _send(client, desk, plan) for plan in PLANS}
        refused = await _send(client, desk, "starter", address=REFUSED)
        answered = tickets[PROVED]
        await until(lambda: _answer(client, desk, answered), what="the ticket is answered")
        await _set(client, desk, tickets["starter"], status="resolved")
        for change in ({"priority": "high"}, {"status": "pending"}, {"status": "open"}):
            await _set(client, desk, tickets["advanced"], **change)
        await _put_plan(client, desk, "professional", account="on-advanced")
        await agents_at_work.hand_over(client, desk, tickets["advanced"])
        await agents_at_work.merge_and_part(client, desk, refused, tickets["starter"])
        for plan in ("starter", "no-such-plan"):
            await agents_at_work.ask_for_plan(client, desk, tickets["self-service"], plan)
        await _write_back(desk)
        await agents_at_work.dismiss_a_wish(client, desk, answered, f"on-{PROVED}")
        await _move_to_another_catalogue(client, desk)
        await _forget(client, desk, REFUSED)
    await until(lambda: _answer_too_late(desk, tickets["centurion"]), what="it is breached")
    await until(lambda: asyncio.to_thread(_said_all, desk), what="every type was said")
    return answered


async def _write_back(desk: Desk) -> None:
    """The customer answers by mail, with a file; later a mail of ours comes back from them."""
    found = await until(lambda: _answers(desk), what="the answer is mailed")
    mail = letters.answer_to(_seen(found), CUSTOMER, TEXT)
    mail.add_attachment(b"a,b", maintype="text", subtype="csv", filename="report.csv")
    server = f"127.0.0.1:{desk.ports.smtp_in}"
    assert await letters.hand_over(mail, server) == 250
    report = message_from_string(REPORT.format(message_id=found["Message-ID"]))
    assert await letters.hand_over(report, server) == 250


async def _move_to_another_catalogue(client: httpx.AsyncClient, desk: Desk) -> None:
    """Running clocks count by a newer version of the same plans."""
    url, newer = f"{desk.url('sla')}/v1/catalogue", "demo-2"
    path = desk.folder / "plans.toml"
    path.write_text(UNHURRIED.replace('version = "demo-1"', f'version = "{newer}"'))

    async def is_in_force() -> bool:
        answer = await client.get(url, headers=desk.bearer("admin"))
        return bool(answer.json()["version"] == newer)

    await until(is_in_force, what="the catalogue is in force")
    answer = await client.post(f"{url}/moves", json={"to": newer}, headers=desk.bearer("admin"))
    assert answer.status_code == 202, answer.text


async def _forget(client: httpx.AsyncClient, desk: Desk, address: str) -> None:
    url = f"{desk.url('messaging')}/v1/privacy/erasures"
    answer = await client.post(url, json={"address": address}, headers=desk.bearer("admin"))
    assert answer.status_code == 202, answer.text


def _seen(mail: EmailMessage) -> Mail:
    """What a customer's mail program needs of a mail to answer it."""
    return Mail(
        to=(CUSTOMER,),
        subject=mail["Subject"],
        received_at=said.now(),
        text="",
        html="",
        message_id=mail["Message-ID"],
        references=mail["References"],
        reply_to=mail["Reply-To"],
    )


def _answers(desk: Desk) -> EmailMessage | None:
    mails = [mail for mail in desk.mailbox.to(CUSTOMER) if mail["Subject"].startswith("Re: ")]
    return mails[0] if mails else None


async def _set(client: httpx.AsyncClient, desk: Desk, ticket: str, **change: str) -> None:
    """Set a ticket's status or priority, and wait until its clocks have followed."""
    (name,) = change
    url = f"{desk.url('messaging')}/v1/tickets/{ticket}/{name}"

    async def taken() -> bool:
        answer = await client.put(url, json=change, headers=desk.bearer("agent"))
        return answer.status_code == 200

    await until(taken, what=f"it is {change}")
    heard = "SELECT 1 FROM facts WHERE ticket = $1 AND value = $2"
    await until(lambda: desk.query("sla", heard, UUID(ticket), change[name]), what="sla heard it")


async def _answer_too_late(desk: Desk, ticket: str) -> bool:
    """Once it is breached, let an answer from before that reach the stream."""
    said_of_it = [
        event
        for topic in (Topic.TICKETS, Topic.SLA)
        for event in await read_events(desk.stack.bootstrap_servers, desk.namespace, topic)
        if event.subject == ticket
    ]
    if not any(isinstance(event, DeadlineBreached) for event in said_of_it):
        return False
    (created,) = [event for event in said_of_it if isinstance(event, TicketCreated)]
    answer = said.message_posted(created, at=created.time + timedelta(seconds=1))
    # Sealing is the relay's, and this goes past it.
    answer = answer.model_copy(update={"data": answer.data.model_copy(update={"private": None})})
    await publish(desk.stack.bootstrap_servers, desk.namespace, [answer])
    return True


async def _put_plan(
    client: httpx.AsyncClient, desk: Desk, plan: str, *, account: str | None = None
) -> None:
    url = f"{desk.url('sla')}/v1/accounts/{account or f'on-{plan}'}/plan"
    answer = await client.put(url, json={"plan": plan}, headers=desk.bearer("admin"))
    assert answer.status_code == 200, answer.text


async def _send(
    client: httpx.AsyncClient, desk: Desk, plan: str, *, address: str = CUSTOMER
) -> str:
    asked = {
        "requester": {"name": "A Customer", "address": address},
        "account": f"on-{plan}",
        "subject": "A question",
        "text": TEXT,
    }
    # With keys of our own the tickets' ids, and so their partitions, are the same in every run.
    headers = {"Idempotency-Key": f"key-{plan}"}
    if plan == PROVED:
        headers |= desk.bearer("customer", account=f"on-{plan}")
    answer = await client.post(f"{desk.url('intake')}/v1/tickets", json=asked, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["ticket"])


async def _answer(client: httpx.AsyncClient, desk: Desk, ticket: str) -> bool:
    url = f"{desk.url('messaging')}/v1/tickets/{ticket}/messages"
    answer = await client.post(url, json={"text": "Here it is."}, headers=desk.bearer("agent"))
    return answer.status_code == 201


def _said_all(desk: Desk) -> bool:
    records = everything(by_confluent, desk.stack.bootstrap_servers, desk.namespace)
    said = {record.value["type"] for record in records if record.raw is not None}
    return said | ON_PAGES_ALONE == set(SCHEMAS)
