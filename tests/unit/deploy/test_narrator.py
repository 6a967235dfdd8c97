"""Every event becomes one line that anybody may read."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from deploy.local.narrator import BAD, GOOD, WARNING, Narrator, duration
from shared import events
from shared.deadlines import DeadlineAtRisk, DeadlineMet, DeadlineState
from shared.events import Event, TicketStatus
from shared.plans import Priority
from tests.support import said
from tests.support.said_handling import plan_change_requested, ticket_assigned
from tests.support.schemas import EXAMPLES

ACCEPTED = datetime(2026, 11, 23, 13, 5, 2, tzinfo=UTC)


@pytest.fixture
def narrator() -> Narrator:
    """Speaks of the demo's plans, in a zone that is not this machine's by chance."""
    return Narrator(said.CATALOGUE, ZoneInfo("Asia/Kolkata"))


def example(short: str) -> Event:
    """The documented example of a type."""
    event = events.read(EXAMPLES[f"careline.{short}.v1"].read_bytes())
    assert event is not None
    return event


@pytest.mark.parametrize("kind", list(EXAMPLES))
def test_every_type_is_told_without_personal_data(narrator: Narrator, kind: str) -> None:
    """One line, and no value of the personal part in it."""
    raw = json.loads(EXAMPLES[kind].read_bytes())
    event = events.read(EXAMPLES[kind].read_bytes())
    assert event is not None
    line = narrator.tell(event, event.time)
    assert line.words
    assert "\n" not in line.words
    for value in raw["data"].get("private", {}).values():
        assert str(value) not in f"{line.time} {line.subject} {line.words}"


def test_a_tickets_way_in_words(narrator: Narrator) -> None:
    """Accepted, slotted, due, breached: numbers, plans and local times as people say them."""
    created = said.ticket_created(at=ACCEPTED)
    slot = said.slot(created, "basic")
    told = [
        narrator.tell(event, ACCEPTED + timedelta(seconds=shift))
        for event, shift in (
            (created, 0),
            (slot.events[0], 0.1),
            (slot.events[1], 0.1),
            (said.acknowledged(created), 0.2),
            (said.breach(slot), 10.3),
        )
    ]
    assert [line.words for line in told] == [
        "accepted by web, priority normal",
        "slotted: Platform Care Basic (Silver Service & Support)",
        "first response due 18:35:12",
        "acknowledged by mail after 0.1 s",
        "breached: first response was due 18:35:12, said 0.3 s after",
    ]
    assert {line.subject for line in told} == {told[0].subject}
    assert told[0].subject.startswith("CL-")
    assert told[0].time == "18:35:02"
    assert told[-1].style == BAD


def test_an_answer_is_counted_from_acceptance(narrator: Narrator) -> None:
    """By its own clock where that was heard, else from the due time, which the event has."""
    met = example("deadline.met")
    assert isinstance(met, DeadlineMet)
    line = narrator.tell(met, met.time)
    assert line.words == "answered: first response met 2 h 48 min before it was due"
    created = example("ticket.created").model_copy(
        update={"subject": met.subject, "time": met.data.met - timedelta(seconds=3.2)}
    )
    narrator.tell(created, created.time)
    line = narrator.tell(met, met.time)
    assert line.words == "answered: first response met 3.2 s after it was accepted"
    assert line.style == GOOD


def test_a_clock_that_stands_still_and_runs_on_in_words(narrator: Narrator) -> None:
    """What is left while it is paused, and by when it is due whenever it runs."""
    scheduled = said.slot(said.ticket_created(at=ACCEPTED), "basic").scheduled
    paused = said.paused(scheduled, ACCEPTED + timedelta(seconds=4))
    told: list[Event] = [
        paused,
        said.moved(paused, None),
        said.resumed(paused, ACCEPTED + timedelta(seconds=30)),
        said.moved(scheduled, ACCEPTED + timedelta(seconds=6)),
        said.cancelled(scheduled, ACCEPTED + timedelta(seconds=8)),
    ]
    assert [narrator.tell(event, ACCEPTED).words for event in told] == [
        "paused: first response, 6.0 s of working time left",
        "counted anew: first response paused",
        "runs on: first response due 18:35:38",
        "counted anew: first response due 18:35:08",
        "cancelled: first response is owed no longer",
    ]


@pytest.mark.parametrize(
    ("state", "stands"),
    [
        (DeadlineState.RUNNING, "due 18:35:12"),
        (DeadlineState.PAUSED, "paused"),
        (DeadlineState.MET, "met"),
    ],
)
def test_a_breach_that_does_not_hold_is_told_with_what_holds(
    narrator: Narrator, state: DeadlineState, stands: str
) -> None:
    """And that somebody may have been alerted is worth a warning."""
    breached = said.breach(said.slot(said.ticket_created(at=ACCEPTED), "basic"))
    line = narrator.tell(said.retraction(breached, state=state), ACCEPTED)
    assert line.words == f"retracted: the breach of first response does not hold, it is {stands}"
    assert line.style == WARNING


def test_who_changed_a_ticket_is_told_by_their_part_alone(narrator: Narrator) -> None:
    """An agent or the customer: no name, no id."""
    created = said.ticket_created(at=ACCEPTED)
    held = said.status_changed(created, TicketStatus.ON_HOLD, at=ACCEPTED)
    raised = said.priority_changed(created, Priority.URGENT, at=ACCEPTED)
    told: list[Event] = [held, raised]
    assert [narrator.tell(event, ACCEPTED).words for event in told] == [
        "on hold (open before, set by an agent)",
        "priority urgent (normal before, set by an agent)",
    ]


def test_what_agents_do_with_a_ticket_in_words(narrator: Narrator) -> None:
    """Whose it is, what it is about, where it went, which plan was asked for, and what for."""
    created = said.ticket_created(at=ACCEPTED, account="an-account")
    handed: list[Event] = [
        ticket_assigned(created, "a-lead", by="a-lead", at=ACCEPTED),
        ticket_assigned(created, "a-agent", previous="a-lead", at=ACCEPTED, queue="billing"),
        ticket_assigned(created, None, previous="a-agent", at=ACCEPTED),
        plan_change_requested(created, "basic"),
    ]
    assert [narrator.tell(event, ACCEPTED).words for event in handed] == [
        "taken by an agent",
        "moved to queue billing, given to an agent by an agent",
        "waits for whoever takes it",
        "Platform Care Basic is asked for account an-account",
    ]
    shown = [
        narrator.tell(example(name), ACCEPTED)
        for name in ("ticket.tags_changed", "ticket.merged", "ticket.unmerged")
    ]
    other = narrator.tell(example("ticket.created"), ACCEPTED).subject
    assert [line.words for line in shown] == [
        "tagged export, reports",
        f"merged into {other}",
        f"taken out of {other} again",
    ]
    declined = narrator.tell(example("ticket.plan_change_declined"), ACCEPTED)
    assert declined.words.endswith("is not put on platinum: the catalogue has no such plan")
    assert declined.style == BAD


def test_a_due_time_of_another_day_names_the_day(narrator: Narrator) -> None:
    """A time alone would be taken for today's."""
    scheduled = example("deadline.scheduled")
    line = narrator.tell(scheduled, scheduled.time - timedelta(days=2))
    assert line.words == "first response due Mon 23 Nov 19:00:00"


def test_a_warning_says_what_is_left(narrator: Narrator) -> None:
    """And never less than nothing, if it was told late."""
    risk = example("deadline.at_risk")
    assert isinstance(risk, DeadlineAtRisk)
    assert risk.data.due is not None
    line = narrator.tell(risk, risk.data.due - timedelta(seconds=5))
    assert (line.words, line.style) == ("at risk: first response due in 5.0 s", WARNING)
    late = narrator.tell(risk, risk.data.due + timedelta(seconds=5))
    assert late.words.endswith("due in 0.0 s")


def test_a_dead_letter_names_service_and_reason(narrator: Narrator) -> None:
    """With the ticket, if its key was one."""
    created = said.ticket_created(at=ACCEPTED)
    line = narrator.tell_dead("sla", created.subject.encode(), "handler failed: X", ACCEPTED)
    assert line.words == "put aside by sla, which could not handle it: handler failed: X"
    assert line.subject == narrator.tell(created, ACCEPTED).subject
    assert narrator.tell_dead("sla", None, "unreadable", ACCEPTED).subject == ""
    hostile = narrator.tell_dead("sla", b"\x1b]0;x\x07", "\x1b[2J", ACCEPTED)
    assert f"{hostile.subject}{hostile.words}".isprintable()
    assert (
        narrator.tell_put_back("sla", 7, ACCEPTED).words
        == "dead letter 7 of sla was put back for it"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (3.25, "3.2 s"), (65, "1 min 5 s"), (3600 * 26 + 120, "26 h 2 min")],
)
def test_lengths_of_time_in_words(seconds: float, words: str) -> None:
    """Tenths below a minute, no seconds from an hour on."""
    assert duration(timedelta(seconds=seconds)) == words
