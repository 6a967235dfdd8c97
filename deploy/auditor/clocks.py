"""What was said of one deadline, and which promises that breaks. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from deploy.auditor.promises import Promise, Terms, Violation
from deploy.auditor.record import Record, instant

KINDS = frozenset(
    f"deadline.{kind}"
    for kind in (
        "scheduled",
        "moved",
        "paused",
        "resumed",
        "at_risk",
        "met",
        "breached",
        "cancelled",
        "breach_retracted",
    )
)
ANSWERED = ("first_response", "next_response")
"""Clocks that an answer ends."""
REVISIONS_KEPT = 32


@dataclass(slots=True)
class Clock:
    """One run of one clock on one ticket, as it was said last."""

    ticket: str
    name: str
    """The clock, and which run of it."""
    is_answered: bool
    from_beginning: bool
    """Of a first response: any answer counts, whenever its target began to count."""
    revision: int = 0
    state: str = ""
    started: datetime | None = None
    due: datetime | None = None
    heard: datetime | None = None
    breach: str | None = None
    """Id of the breach that stands."""
    breaches: set[str] = field(default_factory=set)
    said: dict[int, str] = field(default_factory=dict)
    """Which event said which revision."""


def clock_of(record: Record) -> Clock:
    """A deadline of which nothing was heard yet."""
    clock, cycle = record.data["clock"], record.data["cycle"]
    is_answered = clock in ANSWERED
    return Clock(record.subject, f"{clock}/{cycle}", is_answered, clock == ANSWERED[0])


def hear(clock: Clock, record: Record, terms: Terms) -> Iterator[Violation]:
    """Take in what is said of a deadline; yields what is broken by it for good."""
    revision = int(record.data["revision"])
    if clock.said.get(revision) == record.id:
        return
    yield from _counting(clock, revision, record)
    yield from _breaching(clock, record, terms)
    clock.said[revision] = record.id
    if len(clock.said) > REVISIONS_KEPT:
        clock.said.pop(min(clock.said))
    if revision < clock.revision:
        return
    due, started = record.data.get("due"), record.data.get("started")
    clock.revision, clock.state, clock.heard = revision, record.data["state"], record.appended
    clock.due = instant(due) if due else None
    clock.started = instant(started) if started else None


def _counting(clock: Clock, revision: int, record: Record) -> Iterator[Violation]:
    last, about = clock.revision, f"{clock.name}/{revision}"
    if revision in clock.said:
        seen = f"revision {revision} of {clock.name} was said by two events"
    elif last and revision != last + 1:
        seen = f"revision {revision} of {clock.name} follows {last}"
    else:
        return
    yield Violation(Promise.REVISIONS, clock.ticket, seen, about, record.appended)


def _breaching(clock: Clock, record: Record, terms: Terms) -> Iterator[Violation]:
    at, name = record.appended, clock.name
    if record.type == "deadline.breach_retracted":
        if clock.breach == record.data["breach"]:
            clock.breach = None
        return
    if clock.breach is not None:
        what = record.type.removeprefix("deadline.")
        seen = f"{name} is called {what} after a breach that was not retracted"
        yield Violation(Promise.BREACHED_ONCE, clock.ticket, seen, f"{name}/{record.id}", at)
    if record.type == "deadline.breached":
        due = instant(record.data["due"])
        early = due - min(record.time, at + terms.skew)
        if early.total_seconds() > 0:
            seen = f"{name} is called breached {early.total_seconds():.3f} s before it is due"
            yield Violation(Promise.NOT_EARLY, clock.ticket, seen, f"{name}/{record.id}", at)
        clock.breach = record.id
        clock.breaches.add(record.id)


def owed(
    clock: Clock, answers: list[tuple[datetime, datetime]], terms: Terms
) -> Iterator[tuple[datetime, Violation]]:
    """What is broken unless something more is heard, and from when on.

    Args:
        clock: The deadline.
        answers: When answers were given, and when they were heard.
        terms: How long things may take.
    """
    if clock.due is None or clock.heard is None:
        return
    if clock.state == "running":
        at = max(clock.due, clock.heard) + terms.fired_within
        seen = f"{clock.name} was due {clock.due.isoformat()}, and nothing became of it"
        yield at, Violation(Promise.NOT_LOST, clock.ticket, seen, clock.name, at)
    if clock.breach is not None and clock.is_answered:
        for given, heard in answers:
            if _was_in_time(clock, given):
                at = max(clock.heard, heard) + terms.follows_within
                seen = f"the breach of {clock.name} stands, and an answer was in time"
                yield at, Violation(Promise.NO_FALSE_ALARM, clock.ticket, seen, clock.name, at)
                return


def _was_in_time(clock: Clock, given: datetime) -> bool:
    if clock.due is None or given > clock.due:
        return False
    return clock.from_beginning or (clock.started is not None and given > clock.started)
