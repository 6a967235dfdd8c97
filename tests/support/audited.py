"""A stream as the auditor hears it: what the services say of a few tickets, each in its place."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from deploy.auditor.checks import Checks
from deploy.auditor.promises import Promise, Terms, Violation
from deploy.auditor.record import Place, Record, read
from shared import events
from shared.deadlines import DeadlineBreached
from shared.envelope import Cause, derive_id
from shared.events import Event, TicketCreated
from shared.messages import MessagePosted
from shared.notifications import NotificationKind, NotificationSent, NotificationSentData
from tests.support import said

BEGINS = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TERMS = Terms()
TOPICS = ("tickets", "messages", "sla", "notifications")


def at(seconds: float) -> datetime:
    """So many seconds after the first ticket."""
    return BEGINS + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Line:
    """An event, and how many seconds after the first ticket the broker took it."""

    event: Event
    seconds: float

    @property
    def body(self) -> dict[str, Any]:
        """As it stands on the stream."""
        parsed: dict[str, Any] = json.loads(events.write(self.event))
        return parsed


def created(key: str, seconds: float = 0) -> TicketCreated:
    """A request."""
    return said.ticket_created(key, at=at(seconds))


def sent(
    cause: Event,
    kind: NotificationKind,
    *,
    to: str = "one",
    round_: int = 0,
    caused_by: UUID | None = None,
) -> NotificationSent:
    """What notifier says of something that it has sent; `to` tells one recipient from another."""
    delivery = derive_id(cause.id, kind, to)
    data = NotificationSentData(
        delivery=delivery,
        round=round_,
        kind=kind,
        channel="email",
        template=kind.value,
        attempt=1,
        latency_seconds=0.1,
        second_copy_possible=False,
    )
    led_by = Cause(delivery, cause.subject, cause.correlationid, caused_by or cause.id)
    part = str(round_) if round_ else ""
    return NotificationSent.say(
        data, cause=led_by, source="/services/notifier", time=cause.time, part=part
    )


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A ticket whose time runs out."""

    created: TicketCreated
    slot: said.Slot
    breach: DeadlineBreached

    @classmethod
    def of(cls, key: str, seconds: float = 0) -> "Unanswered":
        """Of a request."""
        ticket = created(key, seconds)
        slot = said.slot(ticket)
        return cls(ticket, slot, said.breach(slot))

    @property
    def due(self) -> float:
        """In seconds after the first ticket."""
        return (self.breach.data.due - BEGINS).total_seconds()

    def lines(self) -> list[Line]:
        """What is said of it when all is well."""
        begun = (self.created.time - BEGINS).total_seconds()
        return [
            Line(self.created, begun + 0.01),
            Line(self.slot.slotted, begun + 0.05),
            Line(self.slot.scheduled, begun + 0.05),
            Line(said.acknowledged(self.created), begun + 0.2),
            Line(self.breach, self.due + 0.1),
            Line(sent(self.breach, NotificationKind.BREACH_ALERT), self.due + 0.2),
            Line(sent(self.breach, NotificationKind.BREACH_ALERT, to="two"), self.due + 0.2),
        ]


@dataclass(frozen=True, slots=True)
class Answered:
    """A ticket that somebody answers in time."""

    created: TicketCreated
    slot: said.Slot
    answer: MessagePosted

    @classmethod
    def of(cls, key: str, seconds: float = 0) -> "Answered":
        """Of a request."""
        ticket = created(key, seconds)
        answer = said.message_posted(ticket, at=at(seconds + 1))
        return cls(ticket, said.slot(ticket), answer)

    def lines(self) -> list[Line]:
        """What is said of it when all is well."""
        begun = (self.created.time - BEGINS).total_seconds()
        thanks = said.message_posted(
            self.created, at=at(begun + 2), key="more", sequence=3, text="And this."
        )
        return [
            Line(self.created, begun + 0.01),
            Line(self.slot.slotted, begun + 0.05),
            Line(self.slot.scheduled, begun + 0.05),
            Line(said.acknowledged(self.created), begun + 0.2),
            Line(self.answer, begun + 1.05),
            Line(said.met(self.slot.scheduled), begun + 1.1),
            Line(thanks, begun + 2.05),
            Line(sent(self.answer, NotificationKind.REPLY), begun + 4),
        ]


def records(lines: Iterable[Line], *, partitions: int = 1) -> list[Record]:
    """The lines as records: of each topic and partition in the order of time."""
    return [bare(line.body, line.event.TOPIC, line.seconds, n, partitions) for n, line in
            enumerate(sorted(lines, key=lambda each: each.seconds))]  # fmt: skip


def bare(body: dict[str, Any], topic: str, seconds: float, offset: int, partitions: int) -> Record:
    """A record of this JSON."""
    number = uuid5(NAMESPACE_URL, body["subject"]).int % partitions
    ms = round(at(seconds).timestamp() * 1000)
    found = read(Place(topic, number, offset), ms, json.dumps(body).encode())
    assert found is not None
    return found


def spoiled(record: Record, **data: object) -> Record:
    """A record that says something else."""
    return replace(record, data={**record.data, **data}, digest=record.digest + 1)


def judged(heard: Iterable[Record], *, until: float = 7200, terms: Terms = TERMS) -> Checks:
    """The checks after hearing all of this, and that nothing else came until then."""
    checks = Checks(terms, at(-60))
    for record in heard:
        checks.hear(record)
    checks.judge(at(until))
    return checks


def found(heard: Iterable[Record], *, until: float = 7200) -> list[Violation]:
    """All that was ever found, whether it was mended or not."""
    checks = Checks(TERMS, at(-60))
    for record in heard:
        checks.hear(record)
    return list(checks.judge(at(until)).found)


def broken(heard: Iterable[Record], *, until: float = 7200) -> set[Promise]:
    """The promises of which a violation was ever found."""
    return {violation.promise for violation in found(heard, until=until)}
