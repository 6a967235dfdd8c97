"""Mail from a mailbox that is looked into: taken once, never lost, never deleted."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from deploy.local import ports
from shared.envelope import Topic
from shared.events import TicketCreated
from tests.support.desk import Desk, running_desk
from tests.support.imap_server import (
    DOVECOT,
    HOST,
    PASSWORD,
    USER,
    ImapServer,
    running_dovecot,
    running_pymap,
)
from tests.support.mail_sender import MAILBOX, a_mail, conversation, stuffed
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)

needs_dovecot = pytest.mark.skipif(DOVECOT is None, reason="Dovecot is not installed")
MOST_BYTES = 200_000


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path) as made:
        yield made


@pytest.fixture
def pymap() -> Iterator[ImapServer]:
    """A server from packages alone."""
    with running_pymap() as running:
        yield running


@pytest.fixture
def dovecot() -> Iterator[ImapServer]:
    """The one that most have."""
    with running_dovecot() as running:
        yield running


@pytest.mark.parametrize("kind", ["pymap", pytest.param("dovecot", marks=needs_dovecot)])
async def test_mails_are_taken_refused_and_put_away(
    desk: Desk, kind: str, request: pytest.FixtureRequest
) -> None:
    """A good one goes to Done; a loop and one too large to Refused; the inbox is empty then."""
    server: ImapServer = request.getfixturevalue(kind)
    delimiter = {"pymap": "/", "dovecot": "."}[kind]
    server.deliver(a_mail("<imap@customer.example>"))
    server.deliver(a_mail("<loop@customer.example>", X_Careline_Desk=MAILBOX))
    server.deliver(a_mail("<huge@customer.example>", text="x\r\n" * MOST_BYTES))
    _start(desk, server)
    await desk.ready("intake")
    await until(lambda: server.count("INBOX") == 0, what="the inbox is empty")
    assert server.count(f"Careline{delimiter}Done") == 1
    assert server.count(f"Careline{delimiter}Refused") == 2
    assert await _message_ids(desk) == ["<imap@customer.example>"]

    # One that comes later is heard of by IDLE, long before the next look.
    server.deliver(a_mail("<later@customer.example>"))
    await until(lambda: server.count("INBOX") == 0, within=20, what="the next one is taken")
    assert "<later@customer.example>" in await _message_ids(desk)
    refused = [line for line in desk.log("intake") if line["event"] == "mail_refused"]
    assert sorted(line["cause"] for line in refused) == ["loop", "too_large"]
    assert desk.stop("intake") == 0


async def test_killed_between_stream_and_mark_the_mail_is_the_same_ticket(
    desk: Desk, pymap: ImapServer
) -> None:
    """It is still in the inbox, is read again, and has the same ids."""
    pymap.deliver(a_mail("<killed@customer.example>"))
    _start(desk, pymap, CARELINE_FAILPOINT="intake.imap_judged")
    assert await desk.died("intake") == -9
    assert pymap.count("INBOX") == 1
    _start(desk, pymap)
    await until(lambda: pymap.count("INBOX") == 0, what="it is taken")
    assert len(await _created(desk)) == 2
    assert len({event.id for event in await _created(desk)}) == 1


async def test_the_same_mail_by_both_ways_is_one_ticket(desk: Desk, pymap: ImapServer) -> None:
    """Whichever comes first."""
    mail = a_mail("<both@customer.example>")
    pymap.deliver(mail)
    _start(desk, pymap)
    await desk.ready("intake")
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        await line.begin()
        line.send(stuffed(mail.as_bytes()))
        assert (await line.answer()).startswith("250 ")
    await until(lambda: pymap.count("INBOX") == 0, what="it is taken")
    assert len(await _created(desk)) == 2
    assert len({event.id for event in await _created(desk)}) == 1


async def test_a_sender_over_the_cap_waits_in_the_inbox(desk: Desk, pymap: ImapServer) -> None:
    """And nobody behind it does."""
    for number in range(3):
        pymap.deliver(a_mail(f"<cap{number}@customer.example>"))
    pymap.deliver(a_mail("<other@customer.example>", sender="other@customer.example"))
    _start(desk, pymap, CARELINE_MAIL_PER_ADDRESS="1")
    await until(lambda: pymap.count("INBOX") == 2, what="two are left")
    assert set(await _message_ids(desk)) == {"<cap0@customer.example>", "<other@customer.example>"}


async def test_a_wrong_password_is_logged_and_takes_nothing_else_down(
    desk: Desk, pymap: ImapServer
) -> None:
    """Requests by HTTP are taken from the first moment, and readiness says so."""
    _start(desk, pymap, CARELINE_IMAP_PASSWORD="wrong")
    await until(lambda: "refuses the login" in _complaints(desk), what="the log says so")
    await desk.ready("intake")
    assert "intake_imap_connected 0.0" in _metrics(desk)
    assert _post(desk) == 202
    assert desk.stop("intake") == 0


async def test_a_mailbox_that_was_in_use_before_us_is_not_taken_for_new_mails(
    desk: Desk, pymap: ImapServer
) -> None:
    """Unless somebody says since when; then what is older stays as it is."""
    old = datetime.now(UTC) - timedelta(days=3)  # noqa: TID251 - beside a real server
    past = [a_mail(f"<{number}@customer.example>").as_bytes() for number in range(101)]
    pymap.deliver(*past, at=old)
    pymap.deliver(a_mail("<today@customer.example>"))
    _start(desk, pymap)
    await until(lambda: "101 old mails: set CARELINE_IMAP_SINCE" in _complaints(desk), what="so")
    await desk.ready("intake")
    assert not await _created(desk)
    assert desk.stop("intake") == 0
    _start(desk, pymap, CARELINE_IMAP_SINCE=str((old + timedelta(days=1)).date()))
    await until(lambda: pymap.count("Careline/Done") == 1, what="the new one is taken")
    assert await _message_ids(desk) == ["<today@customer.example>"]
    assert pymap.count("INBOX") == len(past)
    assert desk.stop("intake") == 0
    # From here on it is ours: what has piled up while we were away is taken.
    _start(desk, pymap)
    await until(lambda: pymap.count("INBOX") < 101, what="one is taken")


@needs_dovecot
async def test_mails_are_not_put_away_where_they_are_read(desk: Desk, dovecot: ImapServer) -> None:
    """Whatever the server calls that folder: each would be read again for ever."""
    _start(desk, dovecot, CARELINE_IMAP_FOLDER="Careline.Done")
    await until(lambda: "can't be put away there" in _complaints(desk), what="the log says so")


async def test_a_mail_server_that_goes_away_takes_nothing_with_it(
    desk: Desk, pymap: ImapServer
) -> None:
    """Requests by HTTP go on; once it is back, so do mails."""
    _start(desk, pymap)
    await desk.ready("intake")
    pymap.end()
    await until(lambda: "intake_imap_connected 0.0" in _metrics(desk), what="it is noticed")
    assert (_post(desk), _get(desk, "/health/ready")) == (202, 200)
    pymap.start()
    pymap.deliver(a_mail("<back@customer.example>"))
    await until(lambda: pymap.count("INBOX") == 0, within=60, what="it is taken")


async def test_a_mail_server_that_never_answers_holds_up_nothing(desk: Desk) -> None:
    """It takes connections and is silent: HTTP works, and so does a stop."""
    port = ports.free_ports().intake
    with socket.create_server((HOST, port)):
        desk.start("intake", **_settings(port))
        await desk.ready("intake")
        assert _post(desk) == 202
        assert await asyncio.to_thread(desk.stop, "intake") == 0


async def test_keywords_need_a_server_that_keeps_them(desk: Desk, pymap: ImapServer) -> None:
    """Else every mail would be read again for ever: the log says so, and nothing is read."""
    pymap.deliver(a_mail("<keyword@customer.example>"))
    _start(desk, pymap, CARELINE_IMAP_DONE="")
    await until(lambda: "keeps no keywords" in _complaints(desk), what="the log says so")
    assert not await _created(desk)


@needs_dovecot
@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_mails_that_stay_are_marked_by_keywords(
    desk: Desk, dovecot: ImapServer, tmp_path: Path, security: str
) -> None:
    """Over an encrypted line, with a password from a file."""
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    dovecot.deliver(a_mail("<stays@customer.example>"))
    dovecot.deliver(a_mail("<loop@customer.example>", X_Careline_Desk=MAILBOX))
    told = {
        "CARELINE_IMAP_SECURITY": security,
        "CARELINE_IMAP_PORT": str(dovecot.tls_port if security == "tls" else dovecot.port),
        "CARELINE_IMAP_AUTHORITIES": str(dovecot.authority),
        "CARELINE_IMAP_PASSWORD": "",
        "CARELINE_IMAP_PASSWORD_FILE": str(password),
        "CARELINE_IMAP_DONE": "",
    }
    _start(desk, dovecot, **told)
    await desk.ready("intake")
    await until(lambda: _marked(dovecot) == 2, what="both are marked")
    taken, refused = dovecot.flags("INBOX")
    assert {b"CarelineDone", rb"\Seen"} <= set(taken)
    assert {b"CarelineRefused", rb"\Seen"} <= set(refused)
    assert await _message_ids(desk) == ["<stays@customer.example>"]


@needs_dovecot
async def test_a_certificate_that_does_not_hold_is_not_trusted(
    desk: Desk, dovecot: ImapServer
) -> None:
    """The log says so, and the password is not sent."""
    told = {"CARELINE_IMAP_SECURITY": "tls", "CARELINE_IMAP_PORT": str(dovecot.tls_port)}
    _start(desk, dovecot, **told)
    await until(lambda: "certificate does not hold" in _complaints(desk), what="the log says so")


def _start(desk: Desk, server: ImapServer, **more: str) -> None:
    desk.start("intake", **(_settings(server.port) | more))


def _settings(port: int) -> dict[str, str]:
    return {
        "CARELINE_MAIL_MOST_BYTES": str(MOST_BYTES),
        "CARELINE_IMAP_HOST": HOST,
        "CARELINE_IMAP_PORT": str(port),
        "CARELINE_IMAP_SECURITY": "none",
        "CARELINE_IMAP_USER": USER,
        "CARELINE_IMAP_PASSWORD": PASSWORD,
        "CARELINE_IMAP_INTERVAL": "600",
    }


def _complaints(desk: Desk) -> str:
    """Why the mailbox could not be looked into."""
    told = [line["reason"] for line in desk.log("intake") if line["event"] == "imap_away"]
    return "\n".join(told)


def _post(desk: Desk) -> int:
    body = {"requester": {"address": "a@b.example"}, "subject": "By HTTP", "text": "Help!"}
    return httpx.post(f"{desk.url('intake')}/v1/tickets", json=body).status_code


def _get(desk: Desk, path: str) -> int:
    return httpx.get(f"{desk.url('intake')}{path}").status_code


def _metrics(desk: Desk) -> str:
    return httpx.get(f"{desk.url('intake')}/metrics").text


def _marked(server: ImapServer) -> int:
    return sum(any(b"Careline" in flag for flag in flags) for flags in server.flags("INBOX"))


async def _created(desk: Desk) -> list[TicketCreated]:
    events = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.TICKETS)
    return [event for event in events if isinstance(event, TicketCreated)]


async def _message_ids(desk: Desk) -> list[str | None]:
    return [each.data.private.message_id for each in await _created(desk) if each.data.private]
