"""A good stream breaks no promise, and each way to spoil one is found, by its name."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from deploy.auditor.promises import Promise
from deploy.auditor.record import Place, Record, read
from shared.envelope import derive_id
from shared.notifications import NotificationKind
from tests.support import said
from tests.support.audited import (
    Answered,
    Line,
    Unanswered,
    at,
    broken,
    found,
    judged,
    records,
    sent,
    spoiled,
)

ONE, OTHER = Unanswered.of("one"), Answered.of("other", 3)
GOOD = [*ONE.lines(), *OTHER.lines()]

Spoil = Callable[[list[Line]], list[Record]]


def without(kind: str) -> Spoil:
    """What is of a type was never said."""
    return lambda lines: records(line for line in lines if kind not in line.event.type)


def with_more(*more: Line) -> Spoil:
    """Something else was said."""
    return lambda lines: records([*lines, *more])


def changed(kind: str, change: Callable[[Record], Record]) -> Spoil:
    """What is of a type was said otherwise."""
    return lambda lines: [change(r) if r.type == kind else r for r in records(lines)]


def once_more(kind: str, after: float, **data: object) -> Spoil:
    """The first of a type is said again under another id."""

    def spoil(lines: list[Line]) -> list[Record]:
        heard = records(lines)
        first = next(record for record in heard if record.type == kind)
        id_ = str(derive_id(ONE.created.id, "once more"))
        place = first.place._replace(offset=first.place.offset + 1000)
        appended = first.appended + timedelta(seconds=after)
        again = replace(spoiled(first, **data), id=id_, place=place, appended=appended)
        return [*heard, again]

    return spoil


def repeated(kind: str, **data: object) -> Spoil:
    """The first of a type comes again under its own id."""

    def spoil(lines: list[Line]) -> list[Record]:
        heard = records(lines)
        first = next(record for record in heard if record.type == kind)
        place = first.place._replace(offset=first.place.offset + 1000)
        appended = first.appended + timedelta(seconds=30)
        again = spoiled(first, **data) if data else first
        return [*heard, replace(again, place=place, appended=appended)]

    return spoil


def moved(kind: str, by: float) -> Spoil:
    """What is of a type came earlier or later."""
    shift = timedelta(seconds=by)
    return changed(kind, lambda record: replace(record, appended=record.appended + shift))


RETRACTION = said.retraction(ONE.breach)
IN_TIME = said.message_posted(ONE.created, at=at(2), key="in time")
TOO_LATE = said.message_posted(ONE.created, at=at(ONE.due + 1), key="too late")


def test_a_good_stream_breaks_nothing() -> None:
    """Tickets that are answered and tickets that are not, told as the services do."""
    assert found(records(GOOD)) == []


@pytest.mark.parametrize(
    ("spoil", "promise"),
    [
        pytest.param(without("ticket.created"), Promise.BEGINNING, id="nobody asked"),
        pytest.param(without("ticket.slotted"), Promise.SLOTTED, id="no slot"),
        pytest.param(once_more("ticket.slotted", 1), Promise.SLOTTED, id="two slots"),
        pytest.param(without("notification.sent"), Promise.ACKNOWLEDGED, id="not acknowledged"),
        pytest.param(
            with_more(Line(sent(ONE.created, NotificationKind.ACKNOWLEDGEMENT, to="two"), 1)),
            Promise.ACKNOWLEDGED,
            id="two acknowledgements",
        ),
        pytest.param(
            once_more("notification.sent", 1), Promise.ACKNOWLEDGED, id="acknowledged twice"
        ),
        pytest.param(
            once_more("message.posted", 1, message=str(derive_id(ONE.created.id, "another"))),
            Promise.THREAD,
            id="two threads: one place holds two messages",
        ),
        pytest.param(
            changed("message.posted", lambda r: spoiled(r, sequence=int(r.data["sequence"]) + 1)),
            Promise.THREAD,
            id="a message is lost: its place is empty",
        ),
        pytest.param(
            once_more("message.posted", 3, sequence=4), Promise.MESSAGE, id="posted by two events"
        ),
        pytest.param(
            moved("deadline.breached", -5), Promise.NOT_EARLY, id="taken before it is due"
        ),
        pytest.param(
            changed("deadline.breached", lambda r: replace(r, time=r.time - timedelta(seconds=1))),
            Promise.NOT_EARLY,
            id="said to be before it is due",
        ),
        pytest.param(
            once_more("deadline.breached", 1, revision=3), Promise.BREACHED_ONCE, id="two breaches"
        ),
        pytest.param(
            with_more(Line(said.met(ONE.breach, revision=3), ONE.due + 5)),
            Promise.BREACHED_ONCE,
            id="met after a breach that stands",
        ),
        pytest.param(without("deadline.breached"), Promise.NOT_LOST, id="a deadline is lost"),
        pytest.param(moved("deadline.breached", 61), Promise.NOT_LOST, id="breached late"),
        pytest.param(
            with_more(Line(IN_TIME, ONE.due + 2)), Promise.NO_FALSE_ALARM, id="a false alarm stands"
        ),
        pytest.param(
            with_more(Line(IN_TIME, ONE.due + 2), Line(RETRACTION, ONE.due + 70)),
            Promise.NO_FALSE_ALARM,
            id="a false alarm is taken back late",
        ),
        pytest.param(without("deadline.breached"), Promise.ALERT, id="an alert without a breach"),
        pytest.param(without("deadline.scheduled"), Promise.CAUSE, id="a cause is missing"),
        pytest.param(moved("ticket.created", 3), Promise.CAUSE, id="a ticket comes after its slot"),
        pytest.param(
            repeated("ticket.slotted", plan="starter"), Promise.IDS, id="an id says two things"
        ),
        pytest.param(
            changed("deadline.breached", lambda r: spoiled(r, revision=1)),
            Promise.REVISIONS,
            id="a revision is used twice",
        ),
        pytest.param(
            changed("deadline.breached", lambda r: spoiled(r, revision=4)),
            Promise.REVISIONS,
            id="a revision is left out",
        ),
    ],
)
def test_a_spoiled_stream_is_found_out(spoil: Spoil, promise: Promise) -> None:
    """Each promise, broken in a good stream, is named."""
    assert promise in broken(spoil(GOOD))


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(repeated("ticket.slotted"), id="a slot comes again"),
        pytest.param(repeated("deadline.breached"), id="a breach comes again"),
        pytest.param(repeated("notification.sent"), id="an acknowledgement is told of again"),
        pytest.param(repeated("message.posted"), id="a message comes again"),
        pytest.param(repeated("ticket.created", locale="de"), id="asked again under the same key"),
        pytest.param(
            with_more(Line(IN_TIME, ONE.due + 2), Line(RETRACTION, ONE.due + 3)),
            id="a false alarm is taken back",
        ),
        pytest.param(with_more(Line(TOO_LATE, ONE.due + 2)), id="an answer comes too late"),
        pytest.param(lambda lines: [*records(lines), *records(lines)], id="all of it comes again"),
    ],
)
def test_what_is_harmless_is_let_be(harmless: Spoil) -> None:
    """At least once is what the stream promises, and late is not wrong where it is mended."""
    assert broken(harmless(GOOD)) == set()


def test_sent_again_by_an_operator_is_no_second_acknowledgement() -> None:
    """Another round of the same delivery is what somebody has asked for."""
    first = said.acknowledged(ONE.created)
    data = first.data.model_copy(update={"round": 1})
    again = first.model_copy(update={"id": derive_id(first.id, "1"), "data": data})
    assert found(records([*GOOD, Line(again, 60)])) == []


def test_what_comes_late_is_found_and_then_mended() -> None:
    """A slot after two minutes: found once, open no longer."""
    lines = [replace(line, seconds=line.seconds + 120) if "slotted" in line.event.type else line
             for line in ONE.lines()]  # fmt: skip
    heard = [record for record in records(lines) if "deadline" not in record.type]
    heard = [record for record in heard if "alert" not in str(record.data.get("kind"))]
    assert [violation.promise for violation in found(heard)] == [Promise.SLOTTED]
    checks = judged(heard)
    assert checks.open[Promise.SLOTTED] == 0


def test_what_nothing_can_mend_is_open_for_a_day() -> None:
    """A second slot counts until a day later, and then no longer."""
    heard = once_more("ticket.slotted", 1)(GOOD)
    day = 24 * 3600
    assert judged(heard, until=day - 60).open[Promise.SLOTTED] == 1
    assert judged(heard, until=day + 60).open[Promise.SLOTTED] == 0


def test_what_is_missing_is_open_for_as_long_as_it_is_missing() -> None:
    """A ticket without a slot counts until it has one, however long that takes."""
    heard = without("ticket.slotted")(GOOD)
    assert judged(heard, until=3 * 24 * 3600).open[Promise.SLOTTED] == 2


def test_violations_name_the_ticket_and_nobody() -> None:
    """What is said of a violation repeats no name, address or words of a customer."""
    for spoil in (without("ticket.slotted"), once_more("message.posted", 1, sequence=2)):
        for violation in found(spoil(GOOD)):
            assert violation.subject in {ONE.created.subject, OTHER.created.subject}
            assert said.ADDRESS not in violation.seen
            assert "Help!" not in violation.seen


BAD: list[tuple[str, dict[str, object]]] = [
    ("message.posted", {"sequence": "none"}),
    ("message.posted", {"message": ["a list"]}),
    ("notification.sent", {"delivery": None}),
    ("notification.sent", {"round": "none"}),
    ("deadline.scheduled", {"revision": None}),
    ("deadline.scheduled", {"due": "2026-11-23T12:00:00"}),
    ("deadline.scheduled", {"due": "9999-12-31T23:59:59Z"}),
    ("deadline.breached", {"due": None}),
]


@pytest.mark.parametrize(("kind", "data"), BAD)
def test_what_nobody_can_handle_stops_no_check(kind: str, data: dict[str, object]) -> None:
    """The services put it aside; to the checks it is none, and they go on."""
    line = next(line for line in GOOD if kind in line.event.type)
    body = {**line.body, "id": "of its own"}
    body["data"] = {**body["data"], **data}
    assert read(Place("sla", 0, 1), 0, json.dumps(body).encode()) is None


def test_a_subject_that_is_no_ticket_is_passed_over() -> None:
    """A database could not be asked for it."""
    body = {**ONE.lines()[0].body, "subject": "nonsense"}
    assert read(Place("tickets", 0, 1), 0, json.dumps(body).encode()) is None
