"""What a page shows of a thread: its messages by day, their files, and links in them. Pure.

What people wrote is shown as they wrote it, and is never HTML: it comes in pieces of plain text, of
which some are addresses on the web, and the templates escape every one of them. `thread_parts`
turns this into a page, for customers and for agents alike.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import groupby
from uuid import UUID

from babel.numbers import format_decimal

from services.messaging.domain import Message
from services.messaging.files import File, FileState
from shared import moments
from shared.forms import ALL_FILES_BYTES, FILE_BYTES, FILES
from shared.languages import Language
from shared.messages import AuthorKind, Channel, Visibility

LONGEST_LINK = 2000
"""Characters; what is longer is no address that somebody wants to follow."""

_LINK = re.compile(r"https?://[^\s<>\"'“”«»`]+", re.IGNORECASE)
_HOST = re.compile(r"https?://[^\s/?#]*[a-z0-9\]]", re.IGNORECASE)
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_ENDS = ".,;:!?*_"
_OPENS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one message; people are told before they meet them."""

    files: int = FILES
    file_bytes: int = FILE_BYTES
    all_bytes: int = ALL_FILES_BYTES
    characters: int = 50_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a message."""

    words: str
    address: str | None = None
    """Where they lead; only http and https."""


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file beside its message."""

    id: UUID
    name: str
    size: str
    """In words: "1.2 MB"."""
    state: FileState
    address: str
    """Where it is handed out."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it stands on a page."""

    id: UUID
    sequence: int
    kind: AuthorKind
    is_own: bool
    """Whether its reader wrote it."""
    is_note: bool
    name: str | None
    channel: Channel
    pieces: tuple[Piece, ...]
    quoted: tuple[Piece, ...]
    """What a mail repeated of earlier ones; folded away."""
    files: tuple[ShownFile, ...]
    posted_at: datetime
    time: str
    """The time of day, in the reader's zone."""
    moment: str
    """The same with day and zone."""
    asks_for_plan: str | None = None
    """The name of the plan that its author asks for."""
    is_erased: bool = False
    """Whether its words were taken away."""

    @property
    def element(self) -> str:
        """Its id on the page."""
        return f"message-{self.id}"


@dataclass(frozen=True, slots=True)
class Day:
    """The messages of one day."""

    element: str
    """The id of its heading on the page."""
    words: str
    messages: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom messages are shown, and how."""

    names: Collection[str]
    """Under which they write: their subject, and the pseudonym of their address."""
    zone: tzinfo
    now: datetime
    language: Language
    plans: Mapping[str, str] = field(default_factory=dict)
    """Names of plans by their ids."""


def by_day(
    messages: Sequence[Message], files: Mapping[UUID, Sequence[File]], reader: Reader
) -> list[Day]:
    """Messages in order, under a heading for each day of the reader's."""
    today = reader.now.astimezone(reader.zone).date()
    days = groupby(messages, key=lambda each: each.posted_at.astimezone(reader.zone).date())
    return [
        Day(
            element=f"day-{day.isoformat()}",
            words=moments.spell_day(day, today, reader.language),
            messages=tuple(show(each, files.get(each.id, ()), reader) for each in group),
        )
        for day, group in days
    ]


def show(message: Message, files: Sequence[File], reader: Reader) -> Shown:
    """One message."""
    asked = message.asks_for_plan
    return Shown(
        id=message.id,
        sequence=message.sequence,
        kind=message.author_kind,
        is_own=message.author_kind is not AuthorKind.SYSTEM and message.author in reader.names,
        is_note=message.visibility is Visibility.NOTE,
        name=message.author_name,
        channel=message.channel,
        pieces=tuple(pieces(message.text)),
        quoted=tuple(pieces(message.quoted or "")),
        files=tuple(_file(file, reader.language) for file in files),
        posted_at=message.posted_at,
        time=moments.spell_time(message.posted_at, reader.zone, reader.language),
        moment=moments.spell(message.posted_at, reader.zone, reader.language),
        asks_for_plan=reader.plans.get(asked, asked) if asked else None,
        is_erased=message.erased_at is not None,
    )


def pieces(text: str) -> Iterator[Piece]:
    """A text as it was written, with what is an address on the web set apart.

    Characters that can't be seen are left out, so that none turns the words around it.
    """
    text = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n")
    done = 0
    for found in _LINK.finditer(text):
        address = _trimmed(found[0])
        if len(address) > LONGEST_LINK or not _HOST.match(address):
            continue
        if words := text[done : found.start()]:
            yield Piece(words)
        yield Piece(address, address)
        done = found.start() + len(address)
    if rest := text[done:]:
        yield Piece(rest)


def _trimmed(address: str) -> str:
    """Without what ends the sentence around it; a bracket that it opens itself belongs to it."""
    # Counted once: somebody may write nothing but brackets, as many as a message holds.
    counts = {each: address.count(each) for pair in _OPENS.items() for each in pair}
    end = len(address)
    while end:
        last = address[end - 1]
        if last in _OPENS and counts[last] > counts[_OPENS[last]]:
            counts[last] -= 1
        elif last not in _ENDS:
            break
        end -= 1
    return address[:end]


def spell_size(size: int, language: Language) -> str:
    """The size of a file: "312 bytes", "34 KB", "1.2 MB"."""
    if size < 1000:  # noqa: PLR2004 - a kilobyte
        return language.say_many("%(num)s byte", "%(num)s bytes", size)
    if size < 1_000_000:  # noqa: PLR2004 - a megabyte
        return f"{format_decimal(round(size / 1000), locale=language.locale)} KB"
    return f"{format_decimal(round(size / 1_000_000, 1), locale=language.locale)} MB"


def _file(file: File, language: Language) -> ShownFile:
    return ShownFile(
        id=file.id,
        name=_UNSEEN.sub("", file.name) or language.say("attachment"),
        size=spell_size(file.size_bytes, language),
        state=file.state,
        address=f"/files/{file.ticket}/{file.id}",
    )
