"""A ticket by mail and a conversation by mail, over real SMTP both ways and four real processes."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from typing import Any

import httpx
import pytest

from deploy.local.history import ANSWERS
from shared.envelope import Topic
from shared.events import TicketCreated
from shared.messages import AuthorKind, MessagePosted
from tests.support.desk import MAILBOX, SERVICES, Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(420)  # more than all waits of a test together

CUSTOMER = "customer@customer.example"
OTHER, STRANGER = "other@customer.example", "stranger@elsewhere.example"
CONTENT = bytes(range(256)) * 4096
"""A file of 1 MiB: more than one part."""


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose four services run; each test's customers are its own."""
    with running_desk(stack, tmp_path_factory.mktemp("desk")) as running:
        for service in SERVICES:
            running.start(service)
        yield running


async def test_a_whole_conversation_by_mail(desk: Desk) -> None:
    """A mail becomes a ticket, the answer comes as a mail, and its answer is in the thread."""
    await desk.ready()
    first = letter("The report is empty", "Since this morning it has no rows.")
    first.add_attachment(CONTENT, maintype="application", subtype="zip", filename="rows.zip")
    assert send(desk, first) == 250
    assert send(desk, first) == 250  # their server did not hear our 250 and sends it again

    (acknowledgement,) = await until(lambda: desk.mailbox.to(CUSTOMER), what="acknowledged")
    assert acknowledgement["In-Reply-To"] == first["Message-ID"]
    assert acknowledgement["Auto-Submitted"] == "auto-replied"
    created = await created_tickets(desk, CUSTOMER)
    assert len(created) == 1
    ticket = created[0].subject

    async with httpx.AsyncClient(base_url=desk.url("messaging")) as client:
        await post(client, desk, ticket, "We are looking into it.")
        await post(client, desk, ticket, "The report is back.")
        answer = await until(lambda: answers(desk), what="the answer is mailed")
        assert len(answer) == 1
        text = text_of(answer[0])
        assert "We are looking into it." in text
        assert "The report is back." in text
        assert answer[0]["References"].split()[-1] == answer[0]["In-Reply-To"]
        assert acknowledgement["Message-ID"] in answer[0]["References"].split()
        assert answer[0]["Auto-Submitted"] is None

        reply = answer_to(answer[0], "Thank you, it works.")
        assert send(desk, reply) == 250
        assert send(desk, reply) == 250

        async def all_there() -> list[dict[str, Any]] | None:
            thread = await read(client, desk, ticket)
            files = [file for each in thread["messages"] for file in each["attachments"]]
            ready = len(thread["messages"]) == 4 and all(file["complete"] for file in files)
            return thread["messages"] if ready else None

        messages = await until(all_there, what="the reply is in the thread")
        assert [message["text"].strip() for message in messages] == [
            "Since this morning it has no rows.",
            "We are looking into it.",
            "The report is back.",
            "Thank you, it works.",
        ]
        assert "We are looking into it." in messages[-1]["quoted"]
        (file,) = messages[0]["attachments"]
        found = await client.get(
            f"/v1/tickets/{ticket}/attachments/{file['id']}", headers=desk.bearer("agent")
        )
        assert found.content == CONTENT
        assert "rows.zip" in found.headers["content-disposition"]

    posted = [
        event
        for event in await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.MESSAGES)
        if isinstance(event, MessagePosted)
    ]
    assert [event.data.author_kind for event in posted] == [
        AuthorKind.AGENT,
        AuthorKind.AGENT,
        AuthorKind.CUSTOMER,
    ]
    assert len(desk.mailbox.to(CUSTOMER)) == 2


async def test_who_does_not_take_part_opens_a_ticket_of_their_own(desk: Desk) -> None:
    """Somebody who was forwarded our mail and answers it gets no foot into its thread."""
    await desk.ready()
    first = letter("The report is empty", "It has no rows.", sender=OTHER)
    assert send(desk, first) == 250
    (acknowledgement,) = await until(lambda: desk.mailbox.to(OTHER), what="acknowledged")
    (original,) = await created_tickets(desk, OTHER)

    stranger = answer_to(acknowledgement, "Let me in.")
    stranger.replace_header("From", STRANGER)
    assert send(desk, stranger) == 250
    (other,) = await until(lambda: created_tickets(desk, STRANGER), what="a second ticket")
    assert str(other.data.continues) == original.subject
    async with httpx.AsyncClient(base_url=desk.url("messaging")) as client:
        thread = await read(client, desk, original.subject)
    assert [message["text"].strip() for message in thread["messages"]] == ["It has no rows."]


def letter(subject: str, text: str, *, sender: str = CUSTOMER) -> EmailMessage:
    """A mail that somebody writes by themselves."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"A Customer <{sender}>"
    mail["To"] = MAILBOX
    mail["Subject"] = subject
    mail["Message-ID"] = make_msgid(domain="customer.example")
    mail.set_content(text)
    return mail


def answer_to(ours: EmailMessage, text: str) -> EmailMessage:
    """What a mail program makes of an answer to a mail of ours."""
    mail = letter(ours["Subject"], "")
    mail.replace_header("To", ours["Reply-To"])
    mail["In-Reply-To"] = ours["Message-ID"]
    mail["References"] = f"{ours['References'] or ''} {ours['Message-ID']}".strip()
    quoted = "\n".join(f"> {line}" for line in text_of(ours).splitlines())
    mail.set_content(f"{text}\n\nOn Mon, 23 Nov 2026 at 09:00, Careline wrote:\n{quoted}\n")
    return mail


def send(desk: Desk, mail: EmailMessage) -> int:
    """Hand a mail to intake as a mail server would; returns the code after DATA."""
    with smtplib.SMTP("127.0.0.1", desk.ports.smtp_in, timeout=30) as client:
        client.ehlo()
        assert client.mail(mail["From"].addresses[0].addr_spec)[0] == 250
        assert client.rcpt(mail["To"])[0] == 250
        return client.data(mail.as_bytes())[0]


def text_of(mail: EmailMessage) -> str:
    """The text part of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def answers(desk: Desk) -> list[EmailMessage]:
    """What was mailed to the customer beside the acknowledgement."""
    return [mail for mail in desk.mailbox.to(CUSTOMER) if mail["Subject"].startswith(ANSWERS)]


async def created_tickets(desk: Desk, address: str) -> list[TicketCreated]:
    """Every ticket of somebody, once."""
    said = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.TICKETS)
    found = {event.id: event for event in said if isinstance(event, TicketCreated)}
    return [
        event
        for event in found.values()
        if event.data.private and event.data.private.address == address
    ]


async def post(client: httpx.AsyncClient, desk: Desk, ticket: str, text: str) -> None:
    """An agent writes into the thread, as soon as it is there."""

    async def taken() -> bool:
        answer = await client.post(
            f"/v1/tickets/{ticket}/messages",
            json={"text": text},
            headers=desk.bearer("agent") | {"Idempotency-Key": str(len(text))},
        )
        return answer.status_code == 201

    await until(taken, what="the agent's message is taken")


async def read(client: httpx.AsyncClient, desk: Desk, ticket: str) -> dict[str, Any]:
    """The thread as an agent sees it."""
    answer = await client.get(f"/v1/tickets/{ticket}", headers=desk.bearer("agent"))
    thread: dict[str, Any] = answer.raise_for_status().json()
    return thread
