"""The demonstration's checks hold for a good run, and fail for every way to spoil one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from deploy.local.history import Case, Dead, History, Mail, Said
from deploy.local.promises import check, missing
from shared.plans import PLAN_IDS
from tests.support.demo_run import ACCEPTED, CATALOGUE, LEADS, good_history, said, seconds

Spoil = Callable[[Case], Case]


def broken(history: History) -> set[tuple[str, str]]:
    """Plan and promise of what was not kept."""
    return {(each.plan, each.promise) for each in check(history, CATALOGUE) if not each.kept}


def spoiled(plan: str, spoil: Spoil) -> History:
    """A good run of which one ticket went wrong."""
    history = good_history()
    cases = tuple(spoil(case) if case.sent.plan == plan else case for case in history.cases)
    return replace(history, cases=cases)


def without(case: Case, short: str) -> tuple[Said, ...]:
    """Its events but those of a type."""
    return tuple(event for event in case.said if event.type != f"careline.{short}.v1")


def again(short: str) -> Spoil:
    """An event comes twice."""
    return lambda case: replace(case, said=(*case.said, *case.of_type(short)))


def never(short: str) -> Spoil:
    """An event is lost."""
    return lambda case: replace(case, said=without(case, short))


def at(short: str, shift: float) -> Spoil:
    """An event is on the stream so many seconds from its due time."""

    def spoil(case: Case) -> Case:
        (event,) = case.of_type(short)
        moved = replace(event, appended=event.instant("due") + seconds(shift))
        return replace(case, said=(*without(case, short), moved))

    return spoil


def with_data(short: str, **facts: object) -> Spoil:
    """An event says something else."""

    def spoil(case: Case) -> Case:
        (event,) = case.of_type(short)
        changed = replace(event, data={**event.data, **facts})
        return replace(case, said=(*without(case, short), changed))

    return spoil


def mail_says(old: str, new: str) -> Spoil:
    """The acknowledgement reads differently."""

    def spoil(case: Case) -> Case:
        first, *rest = case.mails
        mail = replace(first, text=first.text.replace(old, new), html=first.html.replace(old, new))
        return replace(case, mails=(mail, *rest))

    return spoil


def mails(choose: Callable[[tuple[Mail, ...]], tuple[Mail, ...]]) -> Spoil:
    """Other mails arrive."""
    return lambda case: replace(case, mails=choose(case.mails))


def answer_is(**facts: str) -> Spoil:
    """The mail with the agent's answer is another."""
    return mails(lambda all_: (all_[0], replace(all_[1], **facts)))  # type: ignore[arg-type] # words only


def thread(*texts: str) -> Spoil:
    """A reader is shown other messages."""
    return lambda case: replace(case, thread=texts)


def sent(**facts: int) -> Spoil:
    """The request, or the agent's answer, is refused."""
    return lambda case: replace(case, sent=replace(case.sent, **facts))  # type: ignore[arg-type] # statuses only


def joined(*spoils: Spoil) -> Spoil:
    """Several things go wrong."""

    def spoil(case: Case) -> Case:
        for each in spoils:
            case = each(case)
        return case

    return spoil


LATER = (ACCEPTED + seconds(99)).isoformat()
ACKNOWLEDGED = "acknowledged by one mail that says it all"
BREACHED = "breached once, at most 5 s after it was due"
AT_RISK = "at risk said once, before it was due"
ALERTED = "one alert to each whom the catalogue names"
SLOTTED = "slotted once, by its plan"
MAILED = "the answer mailed once, in the same thread"
WRITTEN_BACK = "the customer's reply by mail taken"
THREAD = "one thread, every message in order"
ANSWERED = "answered in time, said once"

SPOILED = {
    "a 503": ("basic", sent(status=503), "accepted with 202"),
    "a request lost": ("starter", never("ticket.created"), "accepted with 202"),
    "a request doubled": ("basic", again("ticket.created"), "accepted with 202"),
    "a wrong plan": ("advanced", with_data("ticket.slotted", plan="starter"), SLOTTED),
    "a wrong level": ("advanced", with_data("ticket.slotted", service_level="Bronze"), SLOTTED),
    "a second slot": ("self-service", again("ticket.slotted"), SLOTTED),
    "a slot lost": ("self-service", never("ticket.slotted"), SLOTTED),
    "a late promise": (
        "centurion",
        with_data("deadline.scheduled", due=LATER),
        "due 4 s after it was accepted",
    ),
    "a slot that promises another time": (
        "centurion",
        with_data("ticket.slotted", targets=[{"clock": "first_response", "due": LATER}]),
        "due 4 s after it was accepted",
    ),
    "a promise to whom none is due": (
        "self-service",
        lambda case: replace(
            case, said=(*case.said, said("deadline.scheduled", "t", ACCEPTED, due=ACCEPTED))
        ),
        "no due time promised",
    ),
    "a mail dropped": ("starter", mails(lambda all_: all_[1:]), ACKNOWLEDGED),
    "a second acknowledgement": ("starter", mails(lambda all_: (*all_, *all_)), ACKNOWLEDGED),
    "a mail without its number": ("starter", mail_says("CL-starter", ""), ACKNOWLEDGED),
    "a mail without the level": ("basic", mail_says("(Silver", "(Gold"), ACKNOWLEDGED),
    "a mail without a plan": ("basic", mail_says("- Platform Care Centurion", ""), ACKNOWLEDGED),
    "a mail without the link": ("basic", mail_says("/open/", "/center/"), ACKNOWLEDGED),
    "a mail with another due time": ("advanced", mail_says("00:00:03", "00:00:04"), ACKNOWLEDGED),
    "a mail with another due day": (
        "advanced",
        mail_says("3 November", "4 November"),
        ACKNOWLEDGED,
    ),
    "a mail without the rules": ("self-service", mail_says("Schedule A", ""), ACKNOWLEDGED),
    "a mail that promises too much": (
        "self-service",
        mail_says("The Delivery", "You will have an answer by noon.\nThe Delivery"),
        ACKNOWLEDGED,
    ),
    "an answer refused": ("starter", sent(answer_status=500), ANSWERED),
    "an answer refused where no clock runs": ("self-service", sent(answer_status=404), "answered"),
    "an answer not counted": ("starter", never("deadline.met"), ANSWERED),
    "an answer counted twice": ("starter", again("deadline.met"), ANSWERED),
    "an answer that came late": ("starter", with_data("deadline.met", met=LATER), ANSWERED),
    "a breach though answered": (
        "centurion",
        lambda case: replace(
            case, said=(*case.said, said("deadline.breached", "t", ACCEPTED, due=ACCEPTED))
        ),
        "no false alarm",
    ),
    "an alert though answered": (
        "centurion",
        mails(lambda all_: (*all_, replace(all_[0], to=(LEADS,)))),
        "no false alarm",
    ),
    "no warning": ("basic", never("deadline.at_risk"), AT_RISK),
    "a warning doubled": ("basic", again("deadline.at_risk"), AT_RISK),
    "a warning after the fact": ("basic", at("deadline.at_risk", 0.1), AT_RISK),
    "a breach lost": ("professional", never("deadline.breached"), BREACHED),
    "a breach doubled": ("professional", again("deadline.breached"), BREACHED),
    "an early breach": ("professional", at("deadline.breached", -0.01), BREACHED),
    "a breach much too late": ("professional", at("deadline.breached", 5.01), BREACHED),
    "breached and met": (
        "basic",
        lambda case: replace(
            case,
            said=(*case.said, said("deadline.met", "t", ACCEPTED, due=ACCEPTED, met=ACCEPTED)),
        ),
        "not called met as well",
    ),
    "a breach taken back": (
        "basic",
        lambda case: replace(
            case, said=(*case.said, said("deadline.breach_retracted", "t", ACCEPTED))
        ),
        "the breach stands",
    ),
    "an alert lost": ("basic", mails(lambda all_: all_[:1]), ALERTED),
    "a second alert": ("basic", mails(lambda all_: (*all_, all_[1])), ALERTED),
    "no thread": ("basic", lambda case: replace(case, thread=None), THREAD),
    "a message lost": ("starter", thread("Help!"), THREAD),
    "a message doubled": ("basic", thread("Help!", "Help!"), THREAD),
    "messages out of order": ("starter", thread("It works now.", "Help!", "Thank you."), THREAD),
    "a customer's words lost": ("starter", thread("Help!", "It works now."), THREAD),
    "a reply refused": ("starter", sent(reply_status=451), WRITTEN_BACK),
    "an answer not mailed": ("starter", mails(lambda all_: all_[:1]), MAILED),
    "an answer mailed twice": ("starter", mails(lambda all_: (*all_, all_[1])), MAILED),
    "an answer without its words": ("advanced", answer_is(text="Hello"), MAILED),
    "an answer in another thread": ("advanced", answer_is(references="<x@y>"), MAILED),
    "an answer under another subject": ("advanced", answer_is(subject="Re: Other"), MAILED),
    "an answer that can't be answered": ("advanced", answer_is(reply_to=""), MAILED),
}


def test_a_good_run_keeps_every_promise() -> None:
    """Nothing is broken, and each plan was looked at."""
    verdicts = check(good_history(), CATALOGUE)
    assert [verdict for verdict in verdicts if not verdict.kept] == []
    assert {verdict.plan for verdict in verdicts} == {*PLAN_IDS, ""}


def test_what_else_is_said_of_a_ticket_breaks_no_promise() -> None:
    """Other clocks, and types that the check doesn't know, are none of its business."""
    others = (
        said("deadline.scheduled", "t", ACCEPTED, clock="resolution", due=LATER),
        said("deadline.paused", "t", ACCEPTED, clock="resolution"),
        said("deadline.met", "t", ACCEPTED, clock="resolution", met=LATER),
        said("ticket.status_changed", "t", ACCEPTED, status="pending"),
        said("ticket.assigned", "t", ACCEPTED),
    )
    history = good_history()
    cases = tuple(replace(case, said=(*case.said, *others)) for case in history.cases)
    assert broken(replace(history, cases=cases)) == set()
    assert missing(cases, CATALOGUE) == []


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_run_is_found_out(name: str) -> None:
    """The promise that was broken is named with its plan, and no other plan is blamed."""
    plan, spoil, promise = SPOILED[name]
    found = broken(spoiled(plan, spoil))
    assert (plan, promise) in found
    assert {blamed for blamed, _ in found} == {plan}


def test_a_dead_letter_is_found_out() -> None:
    """It belongs to the run as a whole, and its reason is shown."""
    letter = Dead("careline.sla.dead", "ticket-basic", "handler failed: KeyError")
    verdicts = check(replace(good_history(), dead=(letter,)), CATALOGUE)
    (verdict,) = [verdict for verdict in verdicts if not verdict.kept]
    assert (verdict.plan, verdict.promise) == ("", "no dead letter")
    assert "handler failed: KeyError" in verdict.seen


def test_what_the_auditor_finds_is_told() -> None:
    """It belongs to the run as a whole, and names what the auditor holds to be broken."""
    verdicts = check(replace(good_history(), violations=("slotted_once",)), CATALOGUE)
    (verdict,) = [verdict for verdict in verdicts if not verdict.kept]
    assert (verdict.promise, verdict.seen) == ("nothing that the auditor finds", "slotted_once")


def test_a_run_of_which_nothing_was_seen_is_not_good() -> None:
    """Witnesses that are blind don't let a run pass."""
    history = good_history()
    blind = tuple(Case(case.sent, (), (), None) for case in history.cases)
    assert len(broken(replace(history, cases=blind))) > 4 * len(PLAN_IDS)


def test_what_has_yet_to_come_is_counted() -> None:
    """Nothing is missing from a good run; at first everything is."""
    history = good_history()
    assert missing(history.cases, CATALOGUE) == []
    begun = [Case(case.sent, (), (), None) for case in history.cases]
    assert missing(begun, CATALOGUE) == [
        "6 acknowledgements",
        "3 answers",
        "4 mailed answers",
        "1 reply",
        "2 breaches",
        "2 alerts",
    ]
    early = spoiled("basic", joined(never("deadline.breached"), mails(lambda all_: all_[:1])))
    assert missing(early.cases, CATALOGUE) == ["1 breach", "1 alert"]
