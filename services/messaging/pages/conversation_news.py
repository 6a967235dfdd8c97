"""What the open page of a conversation is told: new messages, and how the ticket stands now.

Only what the page shows counts as new: that our own people write notes is nothing that it hears of.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from services.messaging.live import News, Patch
from services.messaging.pages import threads, tickets
from services.messaging.pages.chats import Foresight
from services.messaging.pages.threads import Reader
from services.messaging.pages.tickets import Recent, Shown
from shared.database import Connection

Render = Callable[..., str]
"""A template and its values to HTML."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a page has shown."""

    last: int
    """Place of its last message."""
    standing: str = ""
    """How the ticket stands."""
    over: str = "0"
    """Whether anything can be written."""
    files: str = ""
    """How files stand that came last."""

    def __str__(self) -> str:
        """As the page brings it back."""
        return f"{self.last}.{self.standing}.{self.over}.{self.files}"

    @classmethod
    def read(cls, text: str | None, newest: int) -> Self:
        """What a page brings; without anything it is taken to have all messages."""
        last, *rest = (text or "").split(".")
        if len(rest) != 3 or not (last.isascii() and last.isdigit() and len(last) < 10):  # noqa: PLR2004 - as it is written
            return cls(newest)
        return cls(int(last), *rest)


@dataclass(frozen=True, slots=True)
class Sight:
    """All that a page shows beside its messages."""

    shown: Shown
    foresight: Foresight | None
    """Of a chat."""
    recent: Recent

    def stamp(self, last: int) -> str:
        """What a page shows that has messages up to this place."""
        shown, thread = self.shown, self.shown.thread
        standing = (
            thread.status,
            thread.merged_into,
            shown.plan_name,
            shown.asked_plan,
            shown.position.outlook,
            tuple(shown.others),
            self.foresight,
        )
        over = int(shown.position.is_over)
        return str(Stamp(last, _digest(standing), str(over), _digest(self.recent.states)))


async def tell(
    connection: Connection, sight: Sight, reader: Reader, render: Render, seen: str | None
) -> News:
    """What a page has to change to show everything."""
    thread = sight.shown.thread
    was = Stamp.read(seen, thread.last_sequence)
    messages, files = await tickets.read_newer(connection, thread.ticket, was.last)
    shows = sight.stamp(messages[-1].sequence if messages else was.last)
    now = Stamp.read(shows, was.last)
    patches = [
        *(_arrived(sight.recent, was, reader, render) if now.files != was.files else ()),
        *(_written(threads.by_day(messages, files, reader), render)),
        *(_standing(sight, render) if now.standing != was.standing else ()),
        *(_replace(["reply"], render) if now.over != was.over else ()),
    ]
    return News(shows, patches)


def _arrived(recent: Recent, was: Stamp, reader: Reader, render: Render) -> Iterator[Patch]:
    """Messages that the page has, whose files may be here by now."""
    for each in recent.messages:
        if each.sequence <= was.last:
            shown = threads.show(each, recent.files[each.id], reader)
            html = render("thread_message.html.jinja", message=shown)
            yield Patch("replace", shown.element, shown.element, html)


def _written(days: list[threads.Day], render: Render) -> Iterator[Patch]:
    for day in days:
        html = render("thread_heading.html.jinja", day=day)
        yield Patch("append", "messages", day.element, html)
        for shown in day.messages:
            html = render("thread_message.html.jinja", message=shown)
            yield Patch("append", "messages", shown.element, html)


def _standing(sight: Sight, render: Render) -> Iterator[Patch]:
    return _replace(["slot", "here"] if sight.foresight else ["standing", "actions"], render)


def _replace(parts: list[str], render: Render) -> Iterator[Patch]:
    for part in parts:
        html = render("conversation_part.html.jinja", part=part)
        yield Patch("replace", part, part, html)


def _digest(facts: object) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
