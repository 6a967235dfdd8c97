"""What was said of one ticket, and which promises that breaks. Pure."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from deploy.auditor import clocks
from deploy.auditor.clocks import Clock
from deploy.auditor.promises import Promise, Terms, Violation
from deploy.auditor.record import Record

FROM_OUTSIDE = frozenset({"ticket.created", "message.received", "mail.bounced"})
"""Said anew, at another time, when somebody outside asks again under the same key."""
CAUSED_HERE = frozenset(
    {
        "ticket.slotted",
        "ticket.status_changed",
        "ticket.assigned",
        "ticket.priority_changed",
        "deadline.at_risk",
        "deadline.breached",
        "notification.sent",
        "notification.failed",
    }
)
"""What always follows from an event of the same ticket. Others may follow from another topic's."""
NOTIFIED = {"notification.sent", "notification.failed", "notification.suppressed"}
FIRST_POSTED = 2
"""The place of the first message after the request, which is the first."""
ANSWERS_KEPT, GAPS_KEPT, EVENTS_KEPT = 100, 100, 1_000


@dataclass(slots=True)
class Case:
    """One ticket.

    Attributes:
        last: When the broker took what was heard of it last.
        begun: When it took its beginning.
        orphan: When it was slotted, as long as nobody seems to have asked for that.
        whole: Its beginning was heard, and none of its events was forgotten since.
        said: Per event what tells its content from another.
        waiting: Effects whose cause was not heard.
        broken: What nothing can mend, for as long as it counts.
    """

    ticket: str
    last: datetime
    begun: datetime | None = None
    whole: bool = False
    orphan: datetime | None = None
    slots: set[str] = field(default_factory=set)
    acknowledged: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    """Per delivery and round the events that told of its end."""
    sequence: int = 0
    """Up to here the conversation was heard without gaps."""
    ahead: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    """Messages beyond a gap."""
    places: dict[int, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    """Per message the event that posted it."""
    answers: list[tuple[datetime, datetime]] = field(default_factory=list)
    clocks: dict[str, Clock] = field(default_factory=dict)
    alerts: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """Alerts of breaches whose breach was not heard, by the event that tells of them."""
    said: dict[int, int] = field(default_factory=dict)
    waiting: dict[str, Record] = field(default_factory=dict)
    broken: list[Violation] = field(default_factory=list)
    open: set[tuple[Promise, str, str]] = field(default_factory=set)
    look_at: datetime | None = None
    """When to look again, if nothing is heard until then."""
    queued: datetime | None = None
    folded: bool = False
    """Its details were put away: it has been quiet, and nothing runs."""

    def hear(self, record: Record, terms: Terms, since: datetime) -> None:
        """Take in a record.

        Args:
            record: In the order in which brokers took them; it may come again.
            terms: How long things may take.
            since: From when on the whole stream was heard.
        """
        self.last = max(self.last, record.appended)
        known = self.said.get(_short(record.id))
        if known is not None:
            self._again(record, known)
            return
        if record.type == "ticket.created" and self.begun is None:
            self._begin(record)
        self.folded = False
        if len(self.said) < EVENTS_KEPT:
            self.said[_short(record.id)] = record.digest
        else:
            self.whole = False
        self._settle_causes(record, terms)
        self._take(record, terms, since)

    def _again(self, record: Record, digest: int) -> None:
        if record.digest != digest and record.type not in FROM_OUTSIDE:
            seen = f"{record.type} {record.id} came again and says something else"
            self._break(Promise.IDS, seen, record.id, record.appended)

    def _begin(self, record: Record) -> None:
        self.begun, self.orphan = record.appended, None
        self.whole = True
        self.sequence = max(self.sequence, FIRST_POSTED - 1)
        self._close_gap()

    def _take(self, record: Record, terms: Terms, since: datetime) -> None:
        if record.type == "ticket.slotted":
            self._slot(record, terms, since)
        elif record.type == "message.posted":
            self._post(record)
        elif record.type in NOTIFIED:
            self._notify(record)
        elif record.type in clocks.KINDS:
            name = clocks.clock_of(record).name
            clock = self.clocks.setdefault(name, clocks.clock_of(record))
            self.broken += clocks.hear(clock, record, terms)
            if record.type == "deadline.breached":
                self.alerts = {id_: it for id_, it in self.alerts.items() if it[0] != record.id}

    def _slot(self, record: Record, terms: Terms, since: datetime) -> None:
        if self.begun is None and record.time > since + terms.follows_within:
            self.orphan = record.appended
        if self.slots and record.id not in self.slots:
            self._break(Promise.SLOTTED, "slotted more than once", record.id, record.appended)
        self.slots.add(record.id)

    def _post(self, record: Record) -> None:
        message, place = record.data["message"], int(record.data["sequence"])
        first = self.messages.setdefault(message, record.id)
        if first != record.id:
            seen = f"message {message} was posted by two events"
            self._break(Promise.MESSAGE, seen, record.id, record.appended)
        holder = self.places.setdefault(place, message)
        if holder != message:
            seen = f"place {place} of the conversation holds two messages"
            self._break(Promise.THREAD, seen, f"{place}/{message}", record.appended)
        if place > self.sequence and len(self.ahead) < GAPS_KEPT:
            self.ahead.setdefault(place, (message, record.appended))
        self._close_gap()
        if record.data["author_kind"] == "agent" and record.data["visibility"] == "public":
            self.answers = [*self.answers[1 - ANSWERS_KEPT :], (record.time, record.appended)]

    def _close_gap(self) -> None:
        while self.sequence and self.sequence + 1 in self.ahead:
            self.sequence += 1
            self.ahead.pop(self.sequence)

    def _notify(self, record: Record) -> None:
        kind, at = record.data["kind"], record.appended
        if kind == "breach_alert" and record.type == "notification.sent":
            breaches = {id_ for clock in self.clocks.values() for id_ in clock.breaches}
            if self.begun is not None and record.cause not in breaches:
                self.alerts[record.id] = (record.cause or "", at)
        if kind != "acknowledgement":
            return
        rounds = self.acknowledged.setdefault(record.data["delivery"], {})
        told = rounds.setdefault(int(record.data.get("round", 0)), set())
        told.add(record.id)
        if len(told) > 1 or len(self.acknowledged) > 1:
            seen = f"{len(self.acknowledged)} acknowledgements, one told of by {len(told)} events"
            self._break(Promise.ACKNOWLEDGED, seen, record.id, at)

    def _settle_causes(self, record: Record, terms: Terms) -> None:
        for effect in [each for each in self.waiting.values() if each.cause == record.id]:
            del self.waiting[effect.id]
            late = record.appended - effect.appended
            if _same_log(record, effect) or late > terms.skew:
                seen = f"{effect.type} stands {late.total_seconds():.3f} s before {record.type}"
                self._break(Promise.CAUSE, seen, effect.id, effect.appended)
        if record.type in CAUSED_HERE and _short(record.cause or "") not in self.said:
            self.waiting[record.id] = record

    def _break(self, promise: Promise, seen: str, about: str, at: datetime) -> None:
        self.broken.append(Violation(promise, self.ticket, seen, about, at))

    def owed(self, terms: Terms) -> Iterator[tuple[datetime, Violation]]:
        """What is broken unless something more is heard, and from when on."""
        yield from self._owed_at_first(terms)
        for clock in self.clocks.values():
            yield from clocks.owed(clock, self.answers, terms)
        patience = terms.follows_within
        if self.whole:
            for effect in self.waiting.values():
                seen = f"{effect.type} follows from {effect.cause}, which was not said"
                at = effect.appended + patience
                yield at, self._missing(Promise.CAUSE, seen, effect.id, at)
        for id_, (breach, heard) in self.alerts.items():
            seen = f"an alert was sent for {breach}, which is no breach that was said"
            yield heard + patience, self._missing(Promise.ALERT, seen, id_, heard + patience)
        if self.sequence and self.ahead:
            at = min(heard for _, heard in self.ahead.values()) + patience
            seen = f"place {self.sequence + 1} of the conversation is empty"
            yield at, self._missing(Promise.THREAD, seen, str(self.sequence + 1), at)

    def _owed_at_first(self, terms: Terms) -> Iterator[tuple[datetime, Violation]]:
        if self.orphan is not None:
            at = self.orphan + terms.follows_within
            yield at, self._missing(Promise.BEGINNING, "slotted, and never asked for", "", at)
        if self.begun is None:
            return
        if not self.slots:
            at = self.begun + terms.slotted_within
            yield at, self._missing(Promise.SLOTTED, "never slotted", "", at)
        if not self.acknowledged:
            at = self.begun + terms.acknowledged_within
            yield at, self._missing(Promise.ACKNOWLEDGED, "no acknowledgement", "", at)

    def _missing(self, promise: Promise, seen: str, about: str, at: datetime) -> Violation:
        return Violation(promise, self.ticket, seen, about, at)

    def standing(self, now: datetime, terms: Terms) -> list[Violation]:
        """What is broken now, and when to look again."""
        owed = list(self.owed(terms))
        self.broken = [each for each in self.broken if each.since + terms.open_for > now]
        coming = [at for at, _ in owed if at > now]
        coming += [each.since + terms.open_for for each in self.broken]
        if not self.folded and not self._runs and self.last + terms.idle_after > now:
            coming.append(self.last + terms.idle_after)
        self.look_at = min(coming, default=None)
        return [*self.broken, *(violation for at, violation in owed if at <= now)]

    def fold(self, now: datetime, terms: Terms) -> None:
        """Put the details away, if nothing runs and nothing was said for a while.

        What is missing by then is taken to be lost for good.
        """
        if self.folded or self._runs or now < self.last + terms.idle_after:
            return
        if self.begun is not None and not (self.slots and self.acknowledged):
            return
        given_up = {Promise.CAUSE, Promise.ALERT, Promise.THREAD}
        lost = [violation for _, violation in self.owed(terms) if violation.promise in given_up]
        self.broken += lost
        self.sequence = max([self.sequence, *self.ahead])
        for details in (self.said, self.messages, self.places):
            details.clear()
        for missing in (self.waiting, self.alerts, self.ahead):
            missing.clear()
        self.folded, self.whole = True, False

    @property
    def is_settled(self) -> bool:
        """Whether it owes nothing, and its details are put away."""
        return self.folded and not self.open and self.look_at is None

    @property
    def _runs(self) -> bool:
        return any(clock.state == "running" for clock in self.clocks.values())


def _same_log(one: Record, other: Record) -> bool:
    return one.place[:2] == other.place[:2]


def _short(id_: str) -> int:
    """Half of an id: enough to tell a ticket's events apart, in a quarter of the room."""
    return int.from_bytes(hashlib.blake2b(id_.encode(), digest_size=8).digest(), "big")
