"""What the desk promised, held against what others saw of it: a pure function over histories.

The witnesses are independent of the services: the broker's records with the times at which the
broker took them, the mails that reached a mailbox, and what a reader of the thread is shown.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deploy.local.history import Case, History, Mail, Said, Sent
from shared import plans
from shared.plans import Catalogue, Clock, Plan, Priority

BREACH_WITHIN = timedelta(seconds=5)
"""How long after its due time a breach may be said, on a machine that is busy with other things."""
LINK = re.compile(r"https?://[^\s\"<>]+/open/[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
"""What opens a ticket for who has the mail."""


@dataclass(frozen=True)
class Verdict:
    """Whether a promise was kept, and what was seen. `plan` is empty for the run as a whole."""

    plan: str
    promise: str
    kept: bool
    seen: str


Check = Callable[[Case, Plan, Catalogue], Iterator[Verdict]]


def check(history: History, catalogue: Catalogue) -> list[Verdict]:
    """Hold a run against what was promised, ticket by ticket, then as a whole."""
    verdicts = [
        verdict
        for case in history.cases
        for check_one in CHECKS
        for verdict in check_one(case, plans.plan(catalogue, case.sent.plan), catalogue)
    ]
    seen = "; ".join(f"{letter.topic}: {letter.reason}" for letter in history.dead)
    found = ", ".join(history.violations)
    return [
        *verdicts,
        Verdict("", "no dead letter", not history.dead, seen or "none"),
        Verdict("", "nothing that the auditor finds", not found, found or "none"),
    ]


def missing(cases: Sequence[Case], catalogue: Catalogue) -> list[str]:
    """What has yet to come, in words such as `2 breaches`; empty once there is one of each."""
    wanted = {"acknowledgement": 0, "answer": 0, "mailed answer": 0}
    wanted |= {"reply": 0, "breach": 0, "alert": 0}
    for case in cases:
        plan = plans.plan(catalogue, case.sent.plan)
        is_answered = case.sent.answer is not None
        ends = "deadline.met" if is_answered else "deadline.breached"
        wanted["acknowledgement"] += not case.acknowledgements
        if target(plan) is not None:
            wanted["answer" if is_answered else "breach"] += not case.of_first_response(ends)
        wanted["mailed answer"] += is_answered and not case.answers
        wanted["reply"] += case.sent.reply is not None and not case.of_customer
        if not is_answered:
            wanted["alert"] += sum(not case.alerts_to(person) for person in _people(plan))
    return [_counted(count, what) for what, count in wanted.items() if count]


def _counted(count: int, what: str) -> str:
    plural = f"{what}es" if what.endswith("ch") else f"{what}s"
    plural = plural.replace("replys", "replies")
    return f"{count} {what if count == 1 else plural}"


def target(plan: Plan) -> timedelta | None:
    """The promise to a ticket of normal priority: real time where the calendar never closes."""
    return plan.targets[Priority.NORMAL].of(Clock.FIRST_RESPONSE)


def _accepted(case: Case, _: Plan, __: Catalogue) -> Iterator[Verdict]:
    sent, created = case.sent, case.of_type("ticket.created")
    kept = sent.status == 202 and len(created) == 1  # noqa: PLR2004 - HTTP's number for Accepted
    seen = f"{sent.status} after {sent.seconds:.2f} s, on the stream {_times(created)}"
    yield Verdict(sent.plan, "accepted with 202", kept, seen)


def _slotted(case: Case, plan: Plan, catalogue: Catalogue) -> Iterator[Verdict]:
    slots = case.of_type("ticket.slotted")
    kept = [(slot.data["plan"], slot.data["service_level"]) for slot in slots] == [
        (plan.id, plan.service_level)
    ]
    names = ", ".join(_plan_name(catalogue, slot.data["plan"]) for slot in slots)
    yield Verdict(case.sent.plan, "slotted once, by its plan", kept, names or "never slotted")


def _plan_name(catalogue: Catalogue, plan_id: str) -> str:
    return next((plan.name for plan in catalogue.plans if plan.id == plan_id), plan_id)


def _due(case: Case, plan: Plan, _: Catalogue) -> Iterator[Verdict]:
    """Slot and clock say the same due time: acceptance plus what the catalogue promises."""
    promised = target(plan)
    expected = [] if promised is None else [_due_time(case, promised)]
    told = [
        datetime.fromisoformat(each["due"])
        for slot in case.of_type("ticket.slotted")
        for each in slot.data["targets"]
        if each["clock"] == Clock.FIRST_RESPONSE
    ]
    running = [event.instant("due") for event in case.of_first_response("deadline.scheduled")]
    seen = ", ".join(sorted({_clock_time(due) for due in (*told, *running)}))
    after = "" if promised is None else _seconds(promised)
    promise = f"due {after} after it was accepted" if after else "no due time promised"
    kept = told == running == expected
    yield Verdict(case.sent.plan, promise, kept, f"due {seen}" if seen else "no clock runs")


def _due_time(case: Case, promised: timedelta) -> datetime | None:
    created = case.of_type("ticket.created")
    return created[0].time + promised if created else None


def _acknowledged(case: Case, plan: Plan, catalogue: Catalogue) -> Iterator[Verdict]:
    promise = "acknowledged by one mail that says it all"
    found = case.acknowledgements
    if len(found) != 1:
        yield Verdict(case.sent.plan, promise, kept=False, seen=f"{len(found)} mails")
        return
    lacking = _lacking(case, found[0], plan, catalogue)
    seen = f"it does not say {', '.join(lacking)}" if lacking else _said_by_mail(plan)
    yield Verdict(case.sent.plan, promise, not lacking, seen)


def _said_by_mail(plan: Plan) -> str:
    due = "due time, " if target(plan) else ""
    return f"1 mail with plan, level, {due}all plans, link"


def _lacking(case: Case, mail: Mail, plan: Plan, catalogue: Catalogue) -> list[str]:
    """What an acknowledgement should say, in its text and as far as it is a link in its HTML."""
    links = set(LINK.findall(mail.text))
    should = {
        "its number": case.sent.number in mail.subject and case.sent.number in mail.text,
        "the plan and its level": f"{plan.name} ({plan.service_level})" in mail.text,
        "every plan": all(each.name in mail.text for each in catalogue.plans),
        "the link to the thread": len(links) == 1 and links <= set(LINK.findall(mail.html)),
        "the due time": _names_due(case, mail, target(plan)),
    }
    return [what for what, is_there in should.items() if not is_there]


def _names_due(case: Case, mail: Mail, promised: timedelta | None) -> bool:
    """Whether the mail names the due time, or, without one, the rules that apply instead."""
    lines = due_lines(mail)
    if promised is None:
        return not lines and "Schedule A" in " ".join(mail.text.split())
    due = _due_time(case, promised)
    if due is None or len(lines) != 1:
        return False
    return all(piece in lines[0] for piece in (due.strftime("%H:%M:%S"), f"{due.day} {due:%B %Y}"))


def due_lines(mail: Mail) -> list[str]:
    """The lines that promise a time."""
    return [line for line in mail.text.splitlines() if line.startswith("You will have an answer")]


def _answered(case: Case, plan: Plan, _: Catalogue) -> Iterator[Verdict]:
    """Where an agent answered in time: the clock was met, and nobody was alarmed."""
    sent = case.sent
    if sent.answer is None:
        return
    met = case.of_first_response("deadline.met")
    in_time = [event for event in met if event.instant("met") <= event.instant("due")]
    expected = 0 if target(plan) is None else 1
    kept = sent.answer_status == 201 and len(met) == len(in_time) == expected  # noqa: PLR2004 - HTTP's Created
    promise = "answered in time, said once" if expected else "answered"
    yield Verdict(sent.plan, promise, kept, _seen_of_answer(sent, met))
    alarms = case.of_type("deadline.breached")
    alerts = [mail for person in _people(plan) for mail in case.alerts_to(person)]
    seen = f"{len(alarms)} breaches, {len(alerts)} alerts"
    yield Verdict(sent.plan, "no false alarm", not alarms and not alerts, seen)


def _mailed(case: Case, _: Plan, __: Catalogue) -> Iterator[Verdict]:
    """What the agent wrote reaches the customer, in the thread of the acknowledgement."""
    sent, found = case.sent, case.answers
    if sent.answer is None:
        return
    promise = "the answer mailed once, in the same thread"
    if len(found) != 1:
        yield Verdict(sent.plan, promise, kept=False, seen=f"{len(found)} mails")
        return
    lacking = _lacking_in_answer(sent.answer, found[0], case.acknowledgements)
    seen = f"it lacks {', '.join(lacking)}" if lacking else "1 mail with what the agent wrote"
    yield Verdict(sent.plan, promise, not lacking, seen)


def _lacking_in_answer(answer: str, mail: Mail, acknowledgements: Sequence[Mail]) -> list[str]:
    first = acknowledgements[0] if acknowledgements else None
    should = {
        "what the agent wrote": answer in " ".join(mail.text.split()),
        "the subject": first is not None and mail.subject == f"Re: {first.subject}",
        "the reference": first is not None and first.message_id in mail.references.split(),
        "a reply address": "@" in mail.reply_to,
    }
    return [what for what, is_there in should.items() if not is_there]


def _written_back(case: Case, _: Plan, __: Catalogue) -> Iterator[Verdict]:
    """The customer's own mail is taken; that it stands in the thread is another check's."""
    sent = case.sent
    if sent.reply is None:
        return
    status = sent.reply_status
    seen = "never sent: there was no mail to answer" if status is None else f"taken with {status}"
    kept = status == 250  # noqa: PLR2004 - SMTP's OK
    yield Verdict(sent.plan, "the customer's reply by mail taken", kept, seen)


def _seen_of_answer(sent: Sent, met: Sequence[Said]) -> str:
    if sent.answer_status is None:
        return "an agent could not answer: there was no thread"
    gaps = [f"met {_gap(event.instant('met'), event.instant('due'))} it was due" for event in met]
    return ", ".join([f"answer taken with {sent.answer_status}", *gaps])


def _breached(case: Case, plan: Plan, _: Catalogue) -> Iterator[Verdict]:
    """Where nobody answered: warned before it was due, breached once, not too early nor late."""
    promised = target(plan)
    due = None if promised is None else _due_time(case, promised)
    if case.sent.answer is not None or due is None:
        return
    risks = case.of_first_response("deadline.at_risk")
    breaches = case.of_first_response("deadline.breached")
    yield Verdict(
        case.sent.plan,
        "at risk said once, before it was due",
        len(risks) == 1 and risks[0].appended < due,
        _offsets(risks, due),
    )
    yield Verdict(
        case.sent.plan,
        f"breached once, at most {_seconds(BREACH_WITHIN)} after it was due",
        len(breaches) == 1 and due <= breaches[0].appended <= due + BREACH_WITHIN,
        _offsets(breaches, due),
    )
    met = case.of_first_response("deadline.met")
    yield Verdict(case.sent.plan, "not called met as well", not met, f"{_times(met)} called met")
    back = case.of_first_response("deadline.breach_retracted")
    yield Verdict(case.sent.plan, "the breach stands", not back, f"{_times(back)} taken back")


def _alerted(case: Case, plan: Plan, _: Catalogue) -> Iterator[Verdict]:
    if case.sent.answer is not None:
        return
    counts = {person: len(case.alerts_to(person)) for person in _people(plan)}
    seen = ", ".join(f"{count} to {person}" for person, count in counts.items())
    kept = all(count == 1 for count in counts.values())
    yield Verdict(case.sent.plan, "one alert to each whom the catalogue names", kept, seen)


def _threaded(case: Case, _: Plan, __: Catalogue) -> Iterator[Verdict]:
    words = (case.sent.text, case.sent.answer, case.sent.reply)
    wanted = tuple(text for text in words if text is not None)
    found = case.thread
    seen = "no thread" if found is None else f"{len(found)} of {len(wanted)} messages"
    if found is not None and len(found) == len(wanted) and found != wanted:
        seen = f"{seen}, but not these, or not in this order"
    yield Verdict(case.sent.plan, "one thread, every message in order", found == wanted, seen)


CHECKS: Sequence[Check] = (
    _accepted,
    _slotted,
    _due,
    _acknowledged,
    _answered,
    _mailed,
    _written_back,
    _breached,
    _alerted,
    _threaded,
)


def _people(plan: Plan) -> tuple[str, ...]:
    """Who is mailed of a breach at once; later steps come only where nobody reacts for long."""
    at_once = (step for step in plan.alerts.get("breached", ()) if step.after is None)
    named = (recipient for step in at_once for recipient in step.tell if "@" in recipient)
    return tuple(dict.fromkeys(named))


def _times(events: Sequence[object]) -> str:
    return {0: "never", 1: "once"}.get(len(events), f"{len(events)} times")


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():g} s"


def _clock_time(moment: datetime) -> str:
    return moment.astimezone().strftime("%H:%M:%S")


def _offsets(events: Sequence[Said], due: datetime) -> str:
    """When events were on the stream, counted from the due time."""
    return ", ".join(f"{_gap(event.appended, due)} it was due" for event in events) or "never said"


def _gap(moment: datetime, due: datetime) -> str:
    gap = (moment - due).total_seconds()
    return f"{abs(gap):.2f} s {'after' if gap > 0 else 'before'}"
