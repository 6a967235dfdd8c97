"""The SMTP and LMTP servers: how they speak, whom they turn away, and how they end."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local import ports
from shared.envelope import Topic
from shared.events import TicketCreated
from shared.identity import requester_id
from shared.mail_tokens import MailTokens
from tests.support.certificates import make_certificate
from tests.support.desk import SECRET, Desk, running_desk
from tests.support.mail_sender import (
    CUSTOMER,
    HOST,
    MAILBOX,
    Conversation,
    a_mail,
    conversation,
    stuffed,
)
from tests.support.said import ticket_created, ticket_of
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

NOBODY_TRUSTED = {"MAIL_TRUSTED": "192.0.2.0/24"}


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path) as made:
        yield made


async def _start(desk: Desk, **settings: str) -> None:
    desk.start("intake", **{f"CARELINE_{name}": value for name, value in settings.items()})
    await desk.ready("intake")


async def test_starttls_is_offered_with_a_certificate_and_demanded_of_nobody(
    desk: Desk, tmp_path: Path
) -> None:
    """A mail goes through either way; what was said before the encryption counts no more."""
    chain, key = make_certificate(tmp_path)
    await _start(desk, SMTP_IN_CERTIFICATE=str(chain), SMTP_IN_KEY=str(key))
    async with conversation(desk.ports.smtp_in) as line:
        assert "STARTTLS" in await line.greet()
        assert (await line.start_tls(chain)).startswith("220 ")
        assert (await line.say(f"MAIL FROM:<{CUSTOMER}>")).startswith("503 ")
        offered = await line.say("EHLO client.example")
        assert "STARTTLS" not in offered
        assert "AUTH" not in offered
        assert (await _deliver(line, "<tls@customer.example>")).startswith("250 ")
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        assert (await _deliver(line, "<plain@customer.example>")).startswith("250 ")
    assert await _message_ids(desk) == {"<tls@customer.example>", "<plain@customer.example>"}


async def test_where_tls_is_required_nothing_is_taken_without_it(
    desk: Desk, tmp_path: Path
) -> None:
    """For a mail server of our own that is known to have it."""
    chain, key = make_certificate(tmp_path)
    told = {"SMTP_IN_CERTIFICATE": str(chain), "SMTP_IN_KEY": str(key)}
    await _start(desk, SMTP_IN_TLS="required", **told)
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        assert (await line.say(f"MAIL FROM:<{CUSTOMER}>")).startswith("530 ")
        assert (await line.start_tls(chain)).startswith("220 ")
        await line.say("EHLO client.example")
        assert (await _deliver(line, "<tls@customer.example>")).startswith("250 ")
    assert await _message_ids(desk) == {"<tls@customer.example>"}


async def test_what_is_sent_behind_starttls_in_the_clear_is_dropped(
    desk: Desk, tmp_path: Path
) -> None:
    """Nobody on the line puts commands into the encrypted part."""
    chain, key = make_certificate(tmp_path)
    await _start(desk, SMTP_IN_CERTIFICATE=str(chain), SMTP_IN_KEY=str(key))
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        line.send(b"STARTTLS\r\nEHLO intruder.example\r\nMAIL FROM:<a@intruder.example>\r\n")
        assert (await line.answer()).startswith("220 ")
        await line.encrypt(chain)
        assert (await line.say("RCPT TO:<postmaster>")).startswith("503 5.5.1 Error: send HELO")


async def test_a_renewed_certificate_is_shown_without_a_restart(desk: Desk, tmp_path: Path) -> None:
    """The next session has the new one."""
    chain, key = make_certificate(tmp_path)
    await _start(desk, SMTP_IN_CERTIFICATE=str(chain), SMTP_IN_KEY=str(key))
    renewed, renewed_key = make_certificate(tmp_path, "renewed")
    renewed_key.replace(key)
    chain.write_bytes(renewed.read_bytes())
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        assert (await line.start_tls(renewed)).startswith("220 ")


@pytest.mark.parametrize("by_socket", [False, True])
async def test_lmtp_answers_for_each_recipient(desk: Desk, *, by_socket: bool) -> None:
    """Once for each that was taken before, in order; and the mail is one ticket."""
    path = Path("/tmp") / f"{desk.namespace}.lmtp"  # noqa: S108 - the path of a socket must be short
    port = ports.free_ports().intake
    settings = {"LMTP_SOCKET": str(path)} if by_socket else {"LMTP_PORT": str(port)}
    await _start(desk, **settings)
    async with conversation(path if by_socket else port) as line:
        assert "PIPELINING" in await line.greet("LHLO")
        assert (await line.say("EHLO client.example")).startswith("500 ")
        await line.say(f"MAIL FROM:<{CUSTOMER}>")
        assert (await line.say(f"RCPT TO:<{MAILBOX}>")).startswith("250 ")
        assert (await line.say("RCPT TO:<nobody@careline.example>")).startswith("550 ")
        assert (await line.say("RCPT TO:<postmaster@careline.example>")).startswith("250 ")
        await line.say("DATA")
        line.send(stuffed(a_mail("<lmtp@customer.example>").as_bytes()) + b"NOOP\r\n")
        answers = [await line.answer() for _ in range(3)]
    assert answers == ["250 2.0.0 Taken"] * 2 + ["250 2.0.0 OK"]
    assert await _message_ids(desk) == {"<lmtp@customer.example>"}
    assert desk.stop("intake") == 0
    path.unlink(missing_ok=True)


async def test_who_is_silent_or_slow_loses_the_place(desk: Desk) -> None:
    """Before a command, in the middle of one, and in a mail; whether anything is read or not."""
    await _start(desk, MAIL_IDLE_SECONDS="1", MAIL_DATA_SECONDS="2", MAIL_CONNECTIONS="4")
    async with (
        conversation(desk.ports.smtp_in) as silent,
        conversation(desk.ports.smtp_in) as halting,
        conversation(desk.ports.smtp_in) as slow,
        conversation(desk.ports.smtp_in) as deaf,
    ):
        await halting.greet()
        halting.send(b"MAIL FR")
        await slow.greet()
        await slow.begin()
        trickle = asyncio.create_task(_trickle(slow))
        deaf.send(b"HELP\r\n" * 100_000)
        assert (await silent.answer()).startswith("220 ")
        assert (await silent.answer()).startswith("421 4.4.2 ")
        assert (await halting.answer()).startswith("421 4.4.2 ")
        assert (await slow.answer())[:3] in ("421", "451")
        assert await slow.is_closed()
        trickle.cancel()
        # All places are free again, that of the one who never reads, too.
        await until(lambda: _gauge(desk, 'connections{source="smtp"} 0.0'), what="places are free")
    assert not await _message_ids(desk)


async def test_connections_have_a_limit_for_each_host_and_for_all(desk: Desk) -> None:
    """Who is one too many hears so, and gets a place once another is free."""
    await _start(desk, MAIL_CONNECTIONS_PER_HOST="2", MAIL_CONNECTIONS="3", **NOBODY_TRUSTED)
    async with conversation(desk.ports.smtp_in) as first:
        assert (await first.answer()).startswith("220 ")
        async with conversation(desk.ports.smtp_in) as second:
            assert (await second.answer()).startswith("220 ")
            async with conversation(desk.ports.smtp_in) as third:
                assert (await third.answer()).startswith("421 4.7.0 ")
                assert await third.is_closed()
        await until(lambda: _gauge(desk, 'connections{source="smtp"} 1.0'), what="one is left")
        async with conversation(desk.ports.smtp_in) as again:
            assert (await again.answer()).startswith("220 ")


async def test_memory_for_mails_has_a_limit(desk: Desk) -> None:
    """A mail too many is put off, and what was held is given back."""
    await _start(desk, MAIL_HELD_BYTES=str(1024 * 1024), MAIL_MOST_BYTES=str(1024 * 1024))
    large = a_mail("<large@customer.example>", text="x\r\n" * 300_000).as_bytes()
    async with (
        conversation(desk.ports.smtp_in) as first,
        conversation(desk.ports.smtp_in) as second,
    ):
        for line in (first, second):
            await line.greet()
            await line.begin()
        first.send(large)
        await until(lambda: _gauge(desk, "held_bytes"), what="the first is held")
        await until(lambda: _held(desk) > 500_000, what="most of it is held")
        second.send(stuffed(large))
        assert (await second.answer()).startswith("452 ")
        first.send(b".\r\n")
        assert (await first.answer()).startswith("250 ")
        await until(lambda: _held(desk) == 0, what="nothing is held")


async def test_a_sender_over_the_cap_is_put_off(desk: Desk) -> None:
    """By address and by thread with 4.7.1, each by itself; another sender is not."""
    await _start(desk, MAIL_PER_ADDRESS="3", MAIL_PER_THREAD="2")
    party = requester_id(CUSTOMER, secret=SECRET)
    to = MailTokens(SECRET, MAILBOX).address(ticket_of(ticket_created("cap")), party)
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        replies = [await _deliver(line, f"<r{n}@customer.example>", to=to) for n in range(3)]
        others = [await _deliver(line, f"<t{n}@customer.example>") for n in range(4)]
        stranger = await _deliver(line, "<s@customer.example>", sender="other@customer.example")
    assert [answer[:9] for answer in replies] == ["250 2.0.0", "250 2.0.0", "451 4.7.1"]
    assert [answer[:9] for answer in others] == 3 * ["250 2.0.0"] + ["451 4.7.1"]
    assert stranger.startswith("250 ")


async def test_a_network_over_the_cap_is_put_off_before_it_sends(desk: Desk) -> None:
    """At MAIL already; so it costs us nothing."""
    await _start(desk, MAIL_PER_NETWORK="2", **NOBODY_TRUSTED)
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        for number in range(2):
            assert (await _deliver(line, f"<n{number}@customer.example>")).startswith("250 ")
        assert (await line.say(f"MAIL FROM:<{CUSTOMER}>")).startswith("451 4.7.1 ")


async def test_at_a_stop_mails_under_way_are_taken_and_others_sent_off(desk: Desk) -> None:
    """The one that is being sent gets its 250; who waits hears 421; nobody new gets in."""
    await _start(desk)
    async with (
        conversation(desk.ports.smtp_in) as idle,
        conversation(desk.ports.smtp_in) as busy,
    ):
        await idle.greet()
        await busy.greet()
        await busy.begin()
        content = stuffed(a_mail("<stop@customer.example>").as_bytes())
        busy.send(content[:50])
        await busy.writer.drain()
        desk.processes["intake"].send_signal(signal.SIGTERM)
        assert (await idle.answer()).startswith("421 4.3.2 ")
        with pytest.raises(OSError):  # noqa: PT011 - refused, or reset while it closes
            await asyncio.open_connection(HOST, desk.ports.smtp_in)
        busy.send(content[50:])
        assert (await busy.answer()).startswith("250 ")
        assert (await busy.answer()).startswith("421 4.3.2 ")
    assert await desk.died("intake") == 0
    assert await _message_ids(desk) == {"<stop@customer.example>"}


async def test_a_sender_that_hangs_holds_up_no_stop(desk: Desk) -> None:
    """In the middle of a mail it is sent off; the mail is not taken."""
    await _start(desk)
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        await line.begin()
        line.send(b"From: ")
        await line.writer.drain()
        assert await asyncio.to_thread(desk.stop, "intake") == 0
        assert (await line.answer()).startswith("421 ")
    assert not await _message_ids(desk)


async def test_at_a_stop_no_way_in_waits_for_another(desk: Desk) -> None:
    """While one mail hangs in each way, all of them listen no more, and the others' mails end."""
    lmtp = ports.free_ports().intake
    with socket.create_server((HOST, 0)) as silent:  # a mail server that never answers
        mailbox = {
            "IMAP_HOST": HOST,
            "IMAP_PORT": str(silent.getsockname()[1]),
            "IMAP_SECURITY": "none",
            "IMAP_USER": "support",
        }
        await _start(desk, LMTP_PORT=str(lmtp), **mailbox)
        async with conversation(desk.ports.smtp_in) as idle, conversation(lmtp) as busy:
            await idle.greet()
            await busy.greet("LHLO")
            await busy.begin()
            content = stuffed(a_mail("<stop@customer.example>").as_bytes())
            busy.send(content[:50])
            await busy.writer.drain()
            desk.processes["intake"].send_signal(signal.SIGTERM)
            assert (await idle.answer()).startswith("421 4.3.2 ")
            with pytest.raises(OSError):  # noqa: PT011 - refused, or reset while it closes
                await asyncio.open_connection(HOST, desk.ports.smtp_in)
            # So SMTP has ended while LMTP still waits for this.
            busy.send(content[50:])
            assert (await busy.answer()).startswith("250 ")
        assert await desk.died("intake") == 0
    assert await _message_ids(desk) == {"<stop@customer.example>"}
    assert "stopped" in {line["event"] for line in desk.log("intake")}


async def test_mail_is_off_until_it_is_turned_on(desk: Desk) -> None:
    """Without a port nobody listens, and no secret is needed; with one it is."""
    await _start(desk, SMTP_IN_PORT="0", MAIL_SECRET="")
    with pytest.raises(OSError):  # noqa: PT011 - nobody listens
        await asyncio.open_connection(HOST, desk.ports.smtp_in)
    desk.stop("intake")
    desk.start("intake", CARELINE_MAIL_SECRET="")
    assert await desk.died("intake") == 2
    assert "CARELINE_MAIL_SECRET" in (desk.folder / "intake.log").read_text()


async def _deliver(
    line: Conversation, message_id: str, *, sender: str = CUSTOMER, to: str = MAILBOX
) -> str:
    await line.begin(to, sender=sender)
    line.send(stuffed(a_mail(message_id, sender=sender, to=to).as_bytes()))
    return await line.answer()


async def _trickle(line: Conversation) -> None:
    while True:
        line.send(b"x")
        await asyncio.sleep(0.1)


def _metrics(desk: Desk) -> str:
    return httpx.get(f"{desk.url('intake')}/metrics").text


def _gauge(desk: Desk, wanted: str) -> bool:
    return f"intake_smtp_{wanted}" in _metrics(desk)


def _held(desk: Desk) -> float:
    name = 'intake_smtp_held_bytes{source="smtp"} '
    (value,) = [
        line.removeprefix(name) for line in _metrics(desk).splitlines() if line.startswith(name)
    ]
    return float(value)


async def _message_ids(desk: Desk) -> set[str | None]:
    events = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.TICKETS)
    return {
        event.data.private.message_id
        for event in events
        if isinstance(event, TicketCreated) and event.data.private is not None
    }
