"""Mails in a mailbox that can't be read or put away: none is taken twice, none holds up others."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.intake.settings import IntakeSettings
from services.intake.ways_in import mail_parts
from shared.envelope import Topic
from shared.topics import declared_topics, ensure_topics
from tests.support.desk import MAILBOX, SECRET
from tests.support.imap_between import Answer, Between, somebody_between
from tests.support.imap_server import HOST, PASSWORD, USER, ImapServer, running_pymap
from tests.support.mail_sender import a_mail
from tests.support.sealing import STREAM_SECRET, sealing
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)

PUT_AWAY = re.compile(rb"UID (?:MOVE|COPY) (\d+) ")
READ = re.compile(rb"UID FETCH (\d+) \(?BODY\.PEEK")


class Clock:
    """The present, or later than that."""

    ahead = timedelta(0)

    def __call__(self) -> datetime:
        """An instant."""
        return datetime.now(UTC) + self.ahead  # noqa: TID251 - beside real servers


@pytest.fixture
def pymap() -> Iterator[ImapServer]:
    """A server from packages alone."""
    with running_pymap() as running:
        yield running


@pytest.fixture
async def between(pymap: ImapServer) -> AsyncIterator[Between]:
    """Whom intake takes for the server."""
    async with somebody_between(pymap.port) as made:
        yield made


async def test_a_mail_that_can_not_be_put_away_is_taken_once_and_holds_up_nobody(
    stack: Stack, namespace: str, pymap: ImapServer, between: Between
) -> None:
    """Only the move is tried again, later; the mail is on the stream once."""
    for name in ("full", "other"):
        pymap.deliver(a_mail(f"<{name}@customer.example>"))
    first = _uids(pymap)[0]
    between.answer = _refusing(PUT_AWAY, first)
    clock = Clock()
    async with _looking(stack, namespace, between.port, clock):
        await until(lambda: pymap.count("Careline/Done") == 1, what="the other one is taken")
        assert _uids(pymap) == [first]
        pymap.deliver(a_mail("<later@customer.example>"))
        await until(lambda: pymap.count("Careline/Done") == 2, what="one that came later is taken")
        tries = len(between.answered)
        clock.ahead += timedelta(minutes=2)
        await until(lambda: len(between.answered) > tries, what="it is tried again")
        between.answer = lambda _: None
        clock.ahead += timedelta(minutes=3)
        await until(lambda: pymap.count("INBOX") == 0, what="it is put away")
    assert await _message_ids(stack, namespace) == ["full", "later", "other"]


async def test_a_folder_that_was_removed_is_made_again(
    stack: Stack, namespace: str, pymap: ImapServer
) -> None:
    """By the next mail that belongs into it, however long ago we have logged in."""
    pymap.deliver(a_mail("<first@customer.example>"))
    async with _looking(stack, namespace, pymap.port, Clock()):
        await until(lambda: pymap.count("Careline/Done") == 1, what="the first is taken")
        with contextlib.closing(_Folders(pymap)) as folders:
            folders.client.delete_folder("Careline/Done")
        pymap.deliver(a_mail("<second@customer.example>"))
        await until(lambda: pymap.count("Careline/Done") == 1, what="the second is taken")
    assert await _message_ids(stack, namespace) == ["first", "second"]


@pytest.mark.parametrize(
    "answer",
    [pytest.param(b"NO it can't be read", marks=pytest.mark.long), b"OK but there is nothing"],
)
async def test_a_mail_that_can_never_be_read_is_refused_at_last(
    stack: Stack, namespace: str, pymap: ImapServer, between: Between, answer: bytes
) -> None:
    """Others are taken at once; after some hours a person finds it among the refused."""
    for name in ("broken", "whole"):
        pymap.deliver(a_mail(f"<{name}@customer.example>"))
    first = _uids(pymap)[0]
    between.answer = _refusing(READ, first, answer)
    clock = Clock()
    async with _looking(stack, namespace, between.port, clock):
        await until(lambda: pymap.count("Careline/Done") == 1, what="the whole one is taken")
        for tries in range(1, 7):
            assert _uids(pymap) == [first]
            assert len(between.answered) == tries
            clock.ahead += timedelta(hours=1)
            await until(lambda: len(between.answered) > tries, what="it is tried again")  # noqa: B023 - awaited here
        clock.ahead += timedelta(hours=1)
        await until(lambda: pymap.count("Careline/Refused") == 1, what="it is refused")
        assert len(between.answered) == 7
    assert await _message_ids(stack, namespace) == ["whole"]


@contextlib.asynccontextmanager
async def _looking(stack: Stack, namespace: str, port: int, clock: Clock) -> AsyncIterator[None]:
    """Intake's parts for this mailbox run until the end of the block."""
    settings = IntakeSettings(
        kafka=stack.bootstrap_servers,
        namespace=namespace,
        pseudonym_secret=SECRET,
        mail_secret=SECRET,
        stream_secret=STREAM_SECRET,
        reply_mailbox=MAILBOX,
        imap_host=HOST,
        imap_port=port,
        imap_security="none",
        imap_user=USER,
        imap_password=PASSWORD,
        imap_interval=1,
    )
    await ensure_topics(stack.bootstrap_servers, declared_topics(namespace, 1), 1)
    parts = mail_parts(settings, sealing(namespace), clock=clock, jitter=lambda: 0.0)
    for part in parts:
        await part.start()
    try:
        yield
    finally:
        for part in reversed(parts):
            await part.stop()


def _refusing(
    command: re.Pattern[bytes], uid: int, answer: bytes = b"NO [OVERQUOTA] it is full"
) -> Answer:
    def told(line: bytes) -> bytes | None:
        found = command.match(line)
        return answer if found and int(found[1]) == uid else None

    return told


class _Folders:
    def __init__(self, server: ImapServer) -> None:
        self.client = server.client()

    def close(self) -> None:
        self.client.logout()


def _uids(server: ImapServer) -> list[int]:
    with contextlib.closing(_Folders(server)) as folders:
        folders.client.select_folder("INBOX", readonly=True)
        return sorted(folders.client.search("ALL"))


async def _message_ids(stack: Stack, namespace: str) -> list[str]:
    """Of all tickets on the stream, sorted; the part before the @."""
    events = await read_events(stack.bootstrap_servers, namespace, Topic.TICKETS)
    named = [re.findall(rb"<(\w+)@customer", event.model_dump_json().encode()) for event in events]
    return sorted(found[0].decode() for found in named)
