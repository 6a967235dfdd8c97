"""What is shown of a run can be read without knowing the code."""

import io
from dataclasses import replace

from deploy.local import timeline
from deploy.local.history import History, Mail
from deploy.local.promises import check
from deploy.local.screen import Screen
from shared import plans
from tests.support.demo_run import ACCEPTED, CATALOGUE, LEADS, good_history, said, seconds


def shown(history: History) -> list[str]:
    """The lines of a run."""
    text = io.StringIO()
    timeline.show(Screen(text), history, check(history, CATALOGUE), CATALOGUE)
    return text.getvalue().splitlines()


def test_a_tickets_way_is_told_in_the_order_of_time() -> None:
    """In seconds since it was accepted, whoever saw it."""
    (case,) = [case for case in good_history().cases if case.sent.plan == "basic"]
    reordered = replace(case, said=case.said[::-1], mails=case.mails[::-1])
    moments = timeline.moments(reordered, plans.plan(CATALOGUE, "basic"))
    assert [(round(seconds, 1), what) for seconds, what in moments] == [
        (0.0, "accepted"),
        (0.1, "slotted: Silver Service & Support"),
        (0.5, "acknowledged by mail"),
        (8.0, "at risk"),
        (10.4, "breached: nobody had answered"),
        (10.6, "alerted: support-leads@careline.example"),
    ]


def test_clocks_and_changes_are_told_with_what_they_are_of() -> None:
    """The first response goes without saying; a retraction is no alert."""
    (case,) = [case for case in good_history().cases if case.sent.plan == "starter"]
    resolution = {"clock": "resolution"}
    told = (
        *case.said,
        said("ticket.status_changed", "t", ACCEPTED, status="on_hold"),
        said("ticket.priority_changed", "t", ACCEPTED, priority="high"),
        said("deadline.paused", "t", ACCEPTED + seconds(1.5), **resolution),
        said("deadline.resumed", "t", ACCEPTED + seconds(2), **resolution),
        said("deadline.moved", "t", ACCEPTED + seconds(3)),
        said("deadline.breached", "t", ACCEPTED + seconds(4)),
        said("deadline.breach_retracted", "t", ACCEPTED + seconds(5)),
        said("deadline.cancelled", "t", ACCEPTED + seconds(6), **resolution),
        said("ticket.assigned", "t", ACCEPTED),
    )
    mail = Mail((LEADS,), "Retracted: first response", ACCEPTED + seconds(5.5), "", "")
    changed = replace(case, said=told, mails=(mail,))
    moments = timeline.moments(changed, plans.plan(CATALOGUE, "starter"))
    assert [what for _, what in moments] == [
        "accepted",
        "on hold",
        "priority high",
        "slotted: Bronze Service & Support",
        "answered by an agent",
        "paused (resolution)",
        "runs on (resolution)",
        "counted anew",
        "the customer wrote back",
        "breached: nobody had answered",
        "the breach is taken back",
        f"told that it was no breach: {LEADS}",
        "owed no longer (resolution)",
    ]


def test_every_plan_is_shown_with_its_mail_and_its_promises() -> None:
    """A heading, what the customer was mailed, and a line per promise that was checked."""
    lines = shown(good_history())
    for plan in CATALOGUE.plans:
        assert f"{plan.name} ({plan.service_level})  CL-{plan.id}" in lines
        assert f"    To: {plan.id}@customer.example" in lines
        assert f"    Subject: We have your request CL-{plan.id}" in lines
        assert f"    YOUR PLAN: {plan.name} ({plan.service_level})" in lines
    assert sum(line.startswith("    You will have an answer by ") for line in lines) == 5
    assert sum(line.startswith("  kept    ") for line in lines) == len(
        check(good_history(), CATALOGUE)
    )


def test_a_broken_promise_stands_out() -> None:
    """By its word, not by its colour alone."""
    history = good_history()
    cases = tuple(replace(case, mails=()) for case in history.cases[:1])
    lines = shown(replace(history, cases=cases))
    assert "  BROKEN  acknowledged by one mail that says it all: 0 mails" in lines


def test_a_request_that_was_never_accepted_has_no_way() -> None:
    """It is shown all the same."""
    case = good_history().cases[0]
    refused = replace(
        case, sent=replace(case.sent, status=503, ticket="", number=""), said=(), thread=None
    )
    lines = shown(History((refused,), ()))
    assert "Self Service Plan (Self Support)  (never accepted)" in lines
