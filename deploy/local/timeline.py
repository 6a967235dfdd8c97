"""A run as somebody wants to read it: each ticket's time line, its mail, its promises."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from deploy.local.history import Case, History, Mail, Said
from deploy.local.narrator import spoken
from deploy.local.promises import Verdict, due_lines
from deploy.local.screen import Screen
from shared import plans
from shared.plans import Catalogue, Clock, Plan

CLOCKS = {
    "deadline.moved": "counted anew",
    "deadline.paused": "paused",
    "deadline.resumed": "runs on",
    "deadline.at_risk": "at risk",
    "deadline.breached": "breached: nobody had answered",
    "deadline.cancelled": "owed no longer",
    "deadline.breach_retracted": "the breach is taken back",
}
"""What is told of clocks; the slot tells of their start, the answer of what was done in time."""


def show(
    screen: Screen, history: History, verdicts: Sequence[Verdict], catalogue: Catalogue
) -> None:
    """Write everything about a run, ticket by ticket."""
    for case in history.cases:
        plan = plans.plan(catalogue, case.sent.plan)
        screen.say()
        screen.say_styled((f"{plan.name} ({plan.service_level})", "bold"), (_number(case), ""))
        for seconds, what in moments(case, plan):
            screen.say(f"  {seconds:7.2f} s  {what}")
        for mail in case.acknowledgements:
            screen.say("  The acknowledgement:")
            for line in excerpt(mail):
                screen.say(f"    {line}", "cyan")
        _show_verdicts(screen, [each for each in verdicts if each.plan == plan.id])
    screen.say()
    screen.say("The whole run", "bold")
    _show_verdicts(screen, [each for each in verdicts if not each.plan])


def _show_verdicts(screen: Screen, verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        word = ("  kept    ", "green") if verdict.kept else ("  BROKEN  ", "bold red")
        screen.say_styled(word, (f"{verdict.promise}: ", ""), (verdict.seen, "dim"))


def _number(case: Case) -> str:
    return f"  {case.sent.number}" if case.sent.number else "  (never accepted)"


def moments(case: Case, plan: Plan) -> list[tuple[float, str]]:
    """What happened when, in seconds since the request was accepted; in the order of time."""
    created = case.of_type("ticket.created")
    if not created:
        return []
    start = created[0].time
    happened = sorted(_happened(case, plan), key=lambda each: each[0])
    return [((moment - start) / timedelta(seconds=1), what) for moment, what in happened]


def _happened(case: Case, plan: Plan) -> Iterator[tuple[datetime, str]]:
    for event in case.of_type("ticket.created"):
        yield event.time, "accepted"
    for event in case.of_type("ticket.slotted"):
        yield event.appended, f"slotted: {plan.service_level}"
    for event in case.of_type("message.posted"):
        by_agent = event.data["author_kind"] == "agent"
        yield event.time, "answered by an agent" if by_agent else "the customer wrote back"
    for event in case.of_type("ticket.status_changed"):
        yield event.time, spoken(event.data["status"])
    for event in case.of_type("ticket.priority_changed"):
        yield event.time, f"priority {event.data['priority']}"
    for short, words in CLOCKS.items():
        for event in case.of_type(short):
            yield event.appended, _of_clock(event, words)
    for mail in case.mails:
        yield mail.received_at, _kind(case, mail)


def _of_clock(event: Said, words: str) -> str:
    clock = event.data["clock"]
    return words if clock == Clock.FIRST_RESPONSE else f"{words} ({spoken(clock)})"


def _kind(case: Case, mail: Mail) -> str:
    if mail in case.answers:
        return "the answer mailed"
    if case.sent.address in mail.to:
        return "acknowledged by mail"
    return f"{_told(mail)}: {mail.to[0]}"


def _told(mail: Mail) -> str:
    if mail.subject.startswith("Retracted"):
        return "told that it was no breach"
    return "warned" if mail.subject.startswith("At risk") else "alerted"


def excerpt(mail: Mail) -> list[str]:
    """What matters of an acknowledgement: to whom, subject, plan line, due line."""
    own = [line for line in mail.text.splitlines() if line.startswith("YOUR PLAN")]
    head = [f"To: {', '.join(mail.to)}", f"Subject: {mail.subject}"]
    return [*head, *own, *due_lines(mail)]
