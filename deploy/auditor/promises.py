"""What the auditor holds the desk to, and what it says when that is broken."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Promise(StrEnum):
    """What must always be so; the values are those of the metrics' label."""

    BEGINNING = "ticket_has_a_beginning"
    """What is slotted was asked for."""
    SLOTTED = "slotted_once"
    """Each ticket gets one slot."""
    ACKNOWLEDGED = "acknowledged_once"
    """Each ticket's acknowledgement is sent, given up or held back, and that once."""
    THREAD = "one_thread"
    """A place in the conversation holds one message, and none is empty."""
    MESSAGE = "message_posted_once"
    """A message is posted by one event."""
    NOT_EARLY = "breach_not_early"
    """No breach is said before its time."""
    BREACHED_ONCE = "breached_once"
    """A breach is said once, and stands unless it is retracted."""
    NOT_LOST = "no_deadline_lost"
    """What is due comes to something."""
    NO_FALSE_ALARM = "no_false_alarm"
    """No breach stands where an answer was in time."""
    ALERT = "alert_has_a_breach"
    """Who is alerted of a breach is alerted of one that was said."""
    CAUSE = "cause_before_effect"
    """What led to something stands on the stream before it."""
    IDS = "ids_name_one_event"
    """An event that comes again says the same."""
    REVISIONS = "revisions_rise"
    """What is said of a deadline is counted upwards, without gaps."""
    THREAD_KEPT = "thread_in_database"
    """Messaging has a thread for each ticket of the stream."""
    SLOT_KEPT = "slot_in_database"
    """So has sla a slot."""
    ACKNOWLEDGEMENT_KEPT = "acknowledgement_in_database"
    """And notifier one acknowledgement."""
    DEADLINES_AGREE = "deadlines_agree"
    """Sla's deadlines stand as the stream says."""
    OUTBOX_MOVES = "outbox_moves"
    """What a service has to say leaves its database."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things may take before they count as broken, and how much is remembered."""

    slotted_within: timedelta = timedelta(seconds=60)
    acknowledged_within: timedelta = timedelta(seconds=300)
    fired_within: timedelta = timedelta(seconds=60)
    """From a due time to what it comes to."""
    follows_within: timedelta = timedelta(seconds=60)
    """Until a cause that was named is heard, a gap is filled, or a false alarm is taken back."""
    skew: timedelta = timedelta(seconds=1)
    """How far the clocks of brokers and services may differ."""
    open_for: timedelta = timedelta(hours=24)
    """How long something counts as open that nothing can mend, such as a second slot."""
    idle_after: timedelta = timedelta(minutes=10)
    """Without news for so long, a ticket's details are put away."""
    tickets: int = 50_000
    """How many are remembered."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that is broken. It names no person, and repeats nobody's words.

    Attributes:
        subject: The ticket's id; a service's name where it is about no ticket.
        seen: What was seen instead.
        about: Tells apart what breaks one promise on one ticket, such as the clock.
        since: From when on it is broken.
    """

    promise: Promise
    subject: str
    seen: str
    about: str
    since: datetime

    @property
    def key(self) -> tuple[Promise, str, str]:
        """What it is known by as long as it is open."""
        return self.promise, self.subject, self.about


@dataclass(frozen=True, slots=True)
class Findings:
    """What has changed: found anew, and mended since."""

    found: tuple[Violation, ...] = ()
    healed: tuple[Violation, ...] = ()


class Register:
    """Violations that are open, and how many there are of each promise."""

    def __init__(self) -> None:
        self.open: dict[tuple[Promise, str, str], Violation] = {}
        self.counts: dict[Promise, int] = dict.fromkeys(Promise, 0)

    def differ(
        self, before: Iterable[tuple[Promise, str, str]], now: Iterable[Violation]
    ) -> Findings:
        """Replace what was open of something by what is open of it now."""
        standing = {violation.key: violation for violation in now}
        healed = [self._close(key) for key in before if key not in standing]
        found = [each for key, each in standing.items() if key not in self.open]
        for each in found:
            self.open[each.key] = each
            self.counts[each.promise] += 1
        return Findings(tuple(found), tuple(healed))

    def _close(self, key: tuple[Promise, str, str]) -> Violation:
        self.counts[key[0]] -= 1
        return self.open.pop(key)
