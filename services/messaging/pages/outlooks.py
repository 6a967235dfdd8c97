"""What a customer may expect next of their ticket, in words: by its clocks, status and plan. Pure.

Response clocks come first, since an answer is what people wait for. A clock that was breached stays
so for ever; here it counts only until somebody of ours has written all the same.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from services.messaging.clocks import ClockState, ClockView
from shared import moments
from shared.events import TicketStatus
from shared.languages import Language
from shared.plans import Clock

RESPONSES = frozenset({Clock.FIRST_RESPONSE, Clock.NEXT_RESPONSE})
_RUNS = frozenset({ClockState.RUNNING, ClockState.AT_RISK})
_FAR = datetime.max.replace(tzinfo=UTC)


class Expected(StrEnum):
    """What comes next."""

    UNKNOWN = "unknown"
    """Its plan is not known yet."""
    DUE = "due"
    LATE = "late"
    WAITING = "waiting"
    """For the customer."""
    ON_HOLD = "on_hold"
    ANSWERED = "answered"
    """Nothing is owed until the customer writes."""
    RECEIVED = "received"
    """The customer has written since our last answer, and no time runs for the next one."""
    UNPROMISED = "unpromised"
    """The plan promises no time."""
    SOLVED = "solved"
    CLOSED = "closed"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a ticket."""

    status: TicketStatus
    plan: str | None
    """Its id; None while it is not known."""
    promises: Collection[Clock]
    """What that plan promises a time for."""
    clocks: Sequence[ClockView]
    answered_at: datetime | None
    """When somebody of ours wrote last."""
    is_waiting: bool = False
    """Whether the customer has written since."""
    is_merged: bool = False
    is_final: bool = True
    """Whether its customer can't open it again, if it is closed."""


_OVER = {TicketStatus.RESOLVED: Expected.SOLVED, TicketStatus.CLOSED: Expected.CLOSED}
_WAITING = {TicketStatus.PENDING: Expected.WAITING, TicketStatus.ON_HOLD: Expected.ON_HOLD}


@dataclass(frozen=True, slots=True)
class Outlook:
    """What comes next."""

    expected: Expected
    clock: Clock | None = None
    due_at: datetime | None = None
    is_promised: bool = False
    """Whether the plan promises a time for the answer that comes next, though no clock runs."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more is done here for now."""
        return self.expected in {Expected.SOLVED, Expected.CLOSED, Expected.MERGED}


def look_ahead(facts: Facts) -> Outlook:
    """What a customer may expect next."""
    if facts.is_merged:
        return Outlook(Expected.MERGED)
    if over := _OVER.get(facts.status):
        return Outlook(over if facts.is_final else Expected.SOLVED)
    if facts.plan is None:
        return Outlook(Expected.UNKNOWN)
    if clock := _first(each for each in facts.clocks if is_late(each, facts.answered_at)):
        return Outlook(Expected.LATE, clock.clock, clock.due_at)
    if clock := _first(owed(facts)):
        return Outlook(Expected.DUE, clock.clock, clock.due_at)
    return Outlook(
        _WAITING.get(facts.status, _without_clock(facts)),
        is_promised=_next_answer(facts) in facts.promises,
    )


def _next_answer(facts: Facts) -> Clock:
    return Clock.FIRST_RESPONSE if facts.answered_at is None else Clock.NEXT_RESPONSE


def _without_clock(facts: Facts) -> Expected:
    if facts.answered_at is None and not facts.promises:
        return Expected.UNPROMISED
    return Expected.RECEIVED if facts.is_waiting else Expected.ANSWERED


def owed(facts: Facts) -> list[ClockView]:
    """The clocks that run."""
    if facts.is_merged or facts.status in _OVER:
        return []
    return [each for each in facts.clocks if _is_owed(each, facts.answered_at)]


def _is_owed(clock: ClockView, answered_at: datetime | None) -> bool:
    """Whether it runs, and nobody has done since what it asks for: sla may say so only later."""
    if clock.state not in _RUNS or clock.due_at is None:
        return False
    if clock.clock is Clock.RESOLUTION or answered_at is None:
        return True
    return clock.clock is not Clock.FIRST_RESPONSE and answered_at <= clock.started_at


def is_late(clock: ClockView, answered_at: datetime | None) -> bool:
    """Whether it was breached, and what it promised has not been done since."""
    if clock.state is not ClockState.BREACHED:
        return False
    if clock.clock is Clock.RESOLUTION:
        return True
    return answered_at is None or answered_at < clock.started_at


def _first(clocks: Iterable[ClockView]) -> ClockView | None:
    """An answer before all else, and of several clocks the one that is due first."""
    return min(
        clocks,
        key=lambda each: (each.clock not in RESPONSES, each.due_at or _FAR),
        default=None,
    )


def headline(outlook: Outlook, zone: tzinfo, language: Language) -> str:
    """In a few words, for lists: "Answer by Wed 25 Nov, 10:00 CET"."""
    say, due = language.say, _when(outlook, zone, language)
    words = {
        Expected.UNKNOWN: say("We look up your plan"),
        Expected.DUE: _due_in_short(outlook, due, language),
        Expected.LATE: say("Was due %(when)s", when=due),
        Expected.WAITING: say("Waits for your answer"),
        Expected.ON_HOLD: say("On hold"),
        Expected.ANSWERED: say("Answered"),
        Expected.RECEIVED: say("We have your message"),
        Expected.UNPROMISED: say("No time is promised"),
        Expected.SOLVED: say("Solved"),
        Expected.CLOSED: say("Closed"),
        Expected.MERGED: say("Goes on in another ticket"),
    }
    return words[outlook.expected]


def _due_in_short(outlook: Outlook, due: str, language: Language) -> str:
    if outlook.clock is Clock.UPDATE:
        return language.say("News by %(when)s", when=due)
    if outlook.clock is Clock.RESOLUTION:
        return language.say("Solution by %(when)s", when=due)
    return language.say("Answer by %(when)s", when=due)


def sentence(outlook: Outlook, zone: tzinfo, language: Language) -> str:
    """As sentences, for the head of a thread."""
    say, due = language.say, _when(outlook, zone, language)
    words = {
        Expected.UNKNOWN: say(
            "We are looking up your plan. By when you get an answer stands here then."
        ),
        Expected.DUE: _due(outlook, due, language),
        Expected.LATE: _late(outlook, due, language),
        Expected.WAITING: say("We wait for your answer. Until then the clock stands still."),
        Expected.ON_HOLD: say("Your ticket is on hold, and its clock stands still."),
        Expected.ANSWERED: _answered(outlook, language),
        Expected.RECEIVED: _received(outlook, language),
        Expected.UNPROMISED: say("Your plan promises no time for an answer."),
        Expected.SOLVED: say("This is solved. If it is not, write to us here."),
        Expected.CLOSED: say("This is closed. For anything else please write a new request."),
        Expected.MERGED: say("This conversation goes on in another ticket."),
    }
    return words[outlook.expected]


def _answered(outlook: Outlook, language: Language) -> str:
    if outlook.is_promised:
        return language.say(
            "You have our answer. Once you write again, the time for the next one runs."
        )
    return language.say("You have our answer. If anything is left open, write to us here.")


def _received(outlook: Outlook, language: Language) -> str:
    if outlook.is_promised:
        # The clock is on its way: sla hears of the message just after we do.
        return language.say("We have your message. By when you get an answer stands here then.")
    return language.say("We have your message. Your plan promises no time for a further answer.")


def _due(outlook: Outlook, due: str, language: Language) -> str:
    if outlook.clock is Clock.UPDATE:
        return language.say("You hear from us by %(when)s.", when=due)
    if outlook.clock is Clock.RESOLUTION:
        return language.say("We have a solution by %(when)s.", when=due)
    return language.say("You get an answer by %(when)s.", when=due)


def _late(outlook: Outlook, due: str, language: Language) -> str:
    if outlook.clock is Clock.RESOLUTION:
        return language.say("A solution was due %(when)s. We are late, and sorry for it.", when=due)
    return language.say("Our answer was due %(when)s. We are late, and sorry for it.", when=due)


def _when(outlook: Outlook, zone: tzinfo, language: Language) -> str:
    return moments.spell(outlook.due_at, zone, language) if outlook.due_at else ""
