"""What happened to some threads, as seen from all sides, and whether the sides agree: pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True)
class Answer:
    """What a client was told when its message was taken."""

    message: UUID
    sequence: int


@dataclass(frozen=True)
class Written:
    """A message that was sent, however often, until it was taken."""

    ticket: UUID
    author: str
    number: int
    """Its author's own count in this thread; the next one was sent after this one was taken."""
    text: str
    is_note: bool = False
    answer: Answer | None = None
    """None for a request and for a mail: nobody is told what became of it."""


@dataclass(frozen=True)
class Kept:
    """A message as it stands in a thread."""

    ticket: UUID
    message: UUID
    sequence: int
    author: str
    text: str
    is_note: bool = False


@dataclass(frozen=True)
class Said:
    """What the stream says of a message."""

    event: UUID
    of: Kept


@dataclass(frozen=True)
class Followed:
    """What a page of a customer was told, from the thread's beginning on, cuts or not."""

    ticket: UUID
    reader: str
    messages: Sequence[UUID]


@dataclass(frozen=True)
class Unread:
    """How many messages somebody who has read nothing is told that they have not read."""

    ticket: UUID
    reader: str
    is_staff: bool
    count: int


@dataclass
class History:
    """All of it, in the order in which each side has it."""

    written: list[Written] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    followed: list[Followed] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    last: dict[UUID, int] = field(default_factory=dict)
    """What each thread says is its last place."""


def find_faults(history: History) -> list[str]:
    """What is wrong; nothing, if every message is in its thread and on the stream once, in order.

    The first message of a thread is what was asked; the stream says it as the ticket itself.
    """
    threads = _threads(history.kept)
    return [
        *_lost_or_doubled(history.written, history.kept),
        *_swapped(history.written, history.kept),
        *_gaps(threads, history.last),
        *_repeated_otherwise(history.said),
        *_said_otherwise(threads, history.said),
        *_followed_otherwise(threads, history.followed),
        *_counted_otherwise(threads, history.unread),
    ]


def _threads(kept: Iterable[Kept]) -> dict[UUID, list[Kept]]:
    threads: dict[UUID, list[Kept]] = defaultdict(list)
    for each in sorted(kept, key=lambda each: each.sequence):
        threads[each.ticket].append(each)
    return threads


def _lost_or_doubled(written: Sequence[Written], kept: Sequence[Kept]) -> Iterator[str]:
    copies: dict[tuple[UUID, str, str], list[Kept]] = defaultdict(list)
    for each in kept:
        copies[each.ticket, each.author, each.text].append(each)
    for sent in written:
        found = copies.pop((sent.ticket, sent.author, sent.text), [])
        if len(found) != 1:
            yield f"{_name(sent)} is in its thread {len(found)} times"
        elif sent.answer and sent.answer != Answer(found[0].message, found[0].sequence):
            yield f"{_name(sent)} was taken as {sent.answer} and is {found[0]}"
        elif sent.is_note != found[0].is_note:
            yield f"{_name(sent)} is shown to others than it was written for"
    for strange in copies.values():
        yield f"nobody wrote {strange}"


def _swapped(written: Sequence[Written], kept: Sequence[Kept]) -> Iterator[str]:
    places = {(each.ticket, each.author, each.text): each.sequence for each in kept}
    last: dict[tuple[UUID, str], tuple[int, Written]] = {}
    for sent in sorted(written, key=lambda sent: sent.number):
        place = places.get((sent.ticket, sent.author, sent.text))
        if place is None:
            continue
        before = last.get((sent.ticket, sent.author))
        if before is not None and before[0] >= place:
            yield f"{_name(sent)} stands before {_name(before[1])}"
        last[sent.ticket, sent.author] = place, sent


def _gaps(threads: Mapping[UUID, Sequence[Kept]], last: Mapping[UUID, int]) -> Iterator[str]:
    for ticket in threads.keys() | last.keys():
        places = [each.sequence for each in threads.get(ticket, ())]
        if places != list(range(1, len(places) + 1)):
            yield f"the places in {ticket} are {places}"
        if last.get(ticket) != len(places):
            yield f"the last place in {ticket} is {len(places)}, and it says {last.get(ticket)}"


def _repeated_otherwise(said: Sequence[Said]) -> Iterator[str]:
    first: dict[UUID, Said] = {}
    for each in said:
        if first.setdefault(each.event, each) != each:
            yield f"the event {each.event} says {first[each.event].of}, and then {each.of}"


def _said_otherwise(threads: Mapping[UUID, Sequence[Kept]], said: Sequence[Said]) -> Iterator[str]:
    """Readers drop what comes twice by the event's id: what counts is what comes first."""
    first = {each.event: each.of for each in reversed(said)}
    heard: dict[UUID, list[Kept]] = defaultdict(list)
    for event in dict.fromkeys(each.event for each in said):
        heard[first[event].ticket].append(first[event])
    for ticket in threads.keys() | heard.keys():
        there = list(threads.get(ticket, ()))[1:]
        yield from _differences(f"the stream of {ticket}", there, heard[ticket])


def _followed_otherwise(
    threads: Mapping[UUID, Sequence[Kept]], followed: Sequence[Followed]
) -> Iterator[str]:
    for each in followed:
        public = [kept.message for kept in threads.get(each.ticket, ()) if not kept.is_note]
        yield from _differences(f"{each.reader} of {each.ticket}", public, each.messages)


def _counted_otherwise(
    threads: Mapping[UUID, Sequence[Kept]], unread: Sequence[Unread]
) -> Iterator[str]:
    for each in unread:
        for_them = [
            kept
            for kept in threads.get(each.ticket, ())
            if kept.author != each.reader and (each.is_staff or not kept.is_note)
        ]
        if len(for_them) != each.count:
            yield f"{each.reader} has {len(for_them)} unread in {each.ticket}, not {each.count}"


def _differences(
    who: str, there: Sequence[Kept | UUID], found: Sequence[Kept | UUID]
) -> Iterator[str]:
    counted = Counter(found)
    for each in there:
        if counted[each] != 1:
            yield f"{who} has {counted[each]} times: {each}"
    for each in counted.keys() - set(there):
        yield f"{who} has what is not in the thread: {each}"
    if set(there) == set(found) and len(there) == len(found) and list(there) != list(found):
        yield f"{who} has another order: {found}"


def _name(sent: Written) -> str:
    return f"number {sent.number} of {sent.author} in {sent.ticket}"
