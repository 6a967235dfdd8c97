"""In whatever order ticket, mails and files are heard, and however often: one and the same thread.

Topics are read independently of one another, batches are cut anywhere, and a replica that takes
over hears again what the one before had handled. Each topic keeps its own order in all that.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.messaging.files import FileState
from shared.database import Database
from shared.events import Event, TicketCreated
from shared.messages import MessagePosted, MessageReceived
from tests.support import said, said_mails
from tests.support.databases import Databases
from tests.support.inbox import Shown, content, hear, shown

PART = 3
"""Bytes of a file's part: files here are of a few bytes."""


@dataclass(frozen=True)
class Story:
    """A ticket's mails, each with its files, and how they are heard."""

    files: list[list[bytes]]
    """Per mail the content of each file."""
    turns: list[int]
    """Which topic is heard next, again and again."""
    replays: list[int]
    """Before which of these turns the topic is heard again from its beginning."""
    batch: int
    """How many events are heard at once."""


stories = st.builds(
    Story,
    files=st.lists(st.lists(st.binary(max_size=8), max_size=2), max_size=4),
    turns=st.lists(st.integers(0, 2), max_size=40),
    replays=st.lists(st.integers(0, 39), max_size=3),
    batch=st.integers(1, 5),
)


@dataclass(frozen=True)
class Said:
    """What intake says in a story."""

    created: TicketCreated
    mails: list[MessageReceived]
    parts: Sequence[Event]
    contents: dict[UUID, bytes]

    @property
    def topics(self) -> tuple[Sequence[Event], ...]:
        """Each in its own order."""
        return [self.created], self.mails, self.parts


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all stories: a pool of connections belongs to it."""
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def one_database(
    runner: asyncio.Runner, databases: Databases, migrations: Path
) -> Iterator[Database]:
    """One database for all stories; each has a ticket of its own."""
    open_ = AsyncExitStack()
    dsn = runner.run(open_.enter_async_context(databases.fresh(migrations)))
    database = Database(dsn, service="test", size=2)
    runner.run(database.start())
    open_.push_async_callback(database.stop)
    yield database
    runner.run(open_.aclose())


@pytest.mark.hypothesis
def test_any_interleaving_and_repetition_gives_the_same_thread(
    runner: asyncio.Runner, one_database: Database
) -> None:
    """Each mail once and in order, each file whole, each message said once and in order."""
    numbers = count()

    @settings(max_examples=settings().max_examples // 2)
    @given(stories)
    def one_thread(story: Story) -> None:
        told = _tell(story, key=str(next(numbers)))
        found = runner.run(_hear(one_database, told, _interleave(told.topics, story), story.batch))
        assert found.texts == ["Help!", *(_text(mail) for mail in told.mails)]
        _assert_whole(found, told)
        assert runner.run(_contents(one_database, told)) == told.contents

    one_thread()


@pytest.mark.hypothesis
def test_any_order_at_all_loses_and_doubles_nothing(
    runner: asyncio.Runner, one_database: Database
) -> None:
    """Should even one topic's order be lost: every mail is there once, the numbers without gaps."""
    numbers = count()

    @settings(max_examples=settings().max_examples // 2)
    @given(stories, st.permutations(range(60)))
    def one_thread(story: Story, shuffled: list[int]) -> None:
        told = _tell(story, key=str(next(numbers)))
        events = [event for topic in told.topics for event in topic] * 2
        events = [events[place] for place in shuffled if place < len(events)]
        found = runner.run(_hear(one_database, told, events, story.batch))
        assert found.texts[0] == "Help!"
        assert sorted(found.texts[1:]) == sorted(_text(mail) for mail in told.mails)
        _assert_whole(found, told)

    one_thread()


def _tell(story: Story, key: str) -> Said:
    created = said.ticket_created(key)
    mails, parts, contents = [], [], {}
    for number, files in enumerate(story.files):
        key, attached = f"mail {number}", []
        for place, bytes_ in enumerate(files, start=1):
            file = said_mails.attachment(created, bytes_, key=key, place=place)
            attached.append(file)
            contents[file.id] = bytes_
            parts += said_mails.attachment_parts(created, file, bytes_, size=PART)
        at = created.time + timedelta(seconds=number)
        mails.append(
            said_mails.message_received(created, key, text=key, attachments=tuple(attached), at=at)
        )
    return Said(created, mails, parts, contents)


def _interleave(topics: Sequence[Sequence[Event]], story: Story) -> list[Event]:
    """The topics as one consumer hears them: each to its end, some of it twice."""
    places = [0] * len(topics)
    heard: list[Event] = []
    for turn, topic in enumerate(story.turns):
        if turn in story.replays:
            places[topic] = 0
        heard += topics[topic][places[topic] : places[topic] + 1]
        places[topic] += 1
    rest = [event for place, topic in zip(places, topics, strict=True) for event in topic[place:]]
    return heard + rest


async def _hear(database: Database, told: Said, events: Sequence[Event], batch: int) -> Shown:
    for start in range(0, len(events), batch):
        await hear(database, *events[start : start + batch])
    return await shown(database, said.ticket_of(told.created))


async def _contents(database: Database, told: Said) -> dict[UUID, bytes]:
    return {file: await content(database, file) for file in told.contents}


def _assert_whole(found: Shown, told: Said) -> None:
    numbers = [message.sequence for message in found.messages]
    assert numbers == list(range(1, len(told.mails) + 2))
    assert found.thread.last_sequence == numbers[-1]
    posted = [event for event in found.said if isinstance(event, MessagePosted)]
    assert [event.data.sequence for event in posted] == numbers[1:]
    assert [event.data.message for event in posted] == [each.id for each in found.messages[1:]]
    files = {file.id: file.state for each in found.files.values() for file in each}
    assert files == dict.fromkeys(told.contents, FileState.COMPLETE)


def _text(mail: MessageReceived) -> str:
    assert mail.data.private is not None
    return mail.data.private.text
