"""A run of the demonstration in which every promise was kept, as its witnesses would tell it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.local.history import Case, History, Mail, Said, Sent
from shared import plans
from shared.links import make_link
from shared.plans import PLAN_IDS, Clock, Plan, Priority, load_catalogue

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "deploy" / "plans-demo.toml")
ACCEPTED = datetime(2026, 11, 2, 23, 59, 55, 250_000, tzinfo=UTC)
LEADS = "support-leads@careline.example"
WRITES_BACK = ("starter",)
NOBODY_ANSWERS = ("basic", "professional")


def seconds(number: float) -> timedelta:
    """So many of them."""
    return timedelta(seconds=number)


def target(plan: Plan) -> timedelta | None:
    """What the catalogue promises, not by way of the code under test."""
    return plan.targets[Priority.NORMAL].of(Clock.FIRST_RESPONSE)


def said(short: str, ticket: str, appended: datetime, **facts: object) -> Said:
    """An event on the stream; one of a deadline is of the first response unless it says so."""
    if short.startswith("deadline."):
        facts = {"clock": Clock.FIRST_RESPONSE.value, **facts}
    data = {
        name: fact.isoformat() if isinstance(fact, datetime) else fact
        for name, fact in facts.items()
    }
    return Said(f"careline.{short}.v1", ticket, ACCEPTED, appended, data)


def acknowledgement(sent: Sent, plan: Plan, due: datetime | None) -> Mail:
    """A mail that says everything."""
    token = make_link("a secret of the tests", sent.address, expires=ACCEPTED).token
    link = f"http://127.0.0.1:8104/open/{token}"
    promise = (
        f"You will have an answer by {due:%A} {due.day} {due:%B %Y, %H:%M:%S} UTC."
        if due
        else "The Delivery Rules (Schedule A of the\nTerms of Service) apply."
    )
    lines = [
        f"Its number is {sent.number}.",
        f"YOUR PLAN: {plan.name} ({plan.service_level})",
        promise,
        *(f"- {each.name}" for each in CATALOGUE.plans),
        link,
    ]
    return Mail(
        to=(sent.address,),
        subject=f"We have your request {sent.number}",
        received_at=ACCEPTED + seconds(0.5),
        text="\n".join(lines),
        html=f'<a href="{link}">Open the conversation</a>',
        message_id=f"<{sent.ticket}@desk.example>",
        reply_to="support+abc@desk.example",
    )


def good_case(plan: Plan) -> Case:
    """A ticket that went as promised."""
    ticket, length = f"ticket-{plan.id}", target(plan)
    due = ACCEPTED + length if length else None
    is_answered = plan.id not in NOBODY_ANSWERS
    sent = Sent(
        plan=plan.id,
        account=plan.id,
        address=f"{plan.id}@customer.example",
        text="Help!",
        status=202,
        ticket=ticket,
        number=f"CL-{plan.id}",
        answer="It works now." if is_answered else None,
        answer_status=201 if is_answered else None,
        reply="Thank you." if plan.id in WRITES_BACK else None,
        reply_status=250 if plan.id in WRITES_BACK else None,
    )
    mails = [acknowledgement(sent, plan, due)]
    if sent.answer is not None:
        mails.append(answer(mails[0], sent.answer))
    else:
        assert due is not None
        subject, received_at = f"Breached: {sent.number}", due + seconds(0.6)
        mails.append(Mail((LEADS,), subject, received_at, mails[0].text, ""))
    thread = tuple(text for text in (sent.text, sent.answer, sent.reply) if text)
    return Case(sent, good_events(ticket, plan, due, is_answered=is_answered), tuple(mails), thread)


def answer(acknowledgement: Mail, text: str) -> Mail:
    """The mail that brings what an agent wrote."""
    return replace(
        acknowledgement,
        subject=f"Re: {acknowledgement.subject}",
        received_at=ACCEPTED + seconds(3),
        text=f"An agent wrote:\n{text}\n",
        message_id="<answer@desk.example>",
        references=acknowledgement.message_id,
    )


def good_events(
    ticket: str, plan: Plan, due: datetime | None, *, is_answered: bool
) -> tuple[Said, ...]:
    """What the stream has of it."""
    slot = {"plan": plan.id, "service_level": plan.service_level}
    targets = [{"clock": "first_response", "due": due.isoformat()}] if due else []
    events = [
        said("ticket.created", ticket, ACCEPTED),
        said("ticket.slotted", ticket, ACCEPTED + seconds(0.1), targets=targets, **slot),
    ]
    if due:
        events.append(said("deadline.scheduled", ticket, ACCEPTED + seconds(0.1), due=due))
    if is_answered:
        posted = ACCEPTED + seconds(1)
        events.append(posted_by("agent", ticket, posted))
    if plan.id in WRITES_BACK:
        back = ACCEPTED + seconds(4)
        events.append(posted_by("customer", ticket, back))
    if due and is_answered:
        met = ACCEPTED + seconds(1)
        events.append(said("deadline.met", ticket, met, due=due, met=met))
    if due and not is_answered:
        events.append(said("deadline.at_risk", ticket, due - seconds(2), due=due))
        events.append(said("deadline.breached", ticket, due + seconds(0.4), due=due))
    return tuple(events)


def posted_by(author_kind: str, ticket: str, at: datetime) -> Said:
    """Somebody wrote into the thread."""
    return replace(said("message.posted", ticket, at, author_kind=author_kind), time=at)


def good_history() -> History:
    """A run in which every promise was kept."""
    return History(tuple(good_case(plans.plan(CATALOGUE, plan)) for plan in PLAN_IDS), dead=())
