"""A mail of each kind, to be looked at and to be tried at start: nobody is meant by them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from services.notifier.deliveries import (
    MAIL_LANE,
    About,
    Delivery,
    DeliveryKind,
    DeliveryState,
    File,
    Message,
    NextDue,
    Ticket,
)
from services.notifier.letters.desk import Desk
from services.notifier.letters.facts import facts_of
from services.notifier.letters.words import PARTS
from shared.envelope import STAFF, derive_id
from shared.messages import AuthorKind
from shared.notifications import NotificationChannel
from shared.plans import Catalogue, Clock, Plan, Priority

_ROOT = UUID("5c1e6f6e-6a0e-5d0b-9f0a-6f2b7f0c1d2e")
ASKED = datetime(2026, 11, 23, 8, 12, 40, tzinfo=UTC)
DUE = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
STATES = ("met", "running", "paused", "cancelled", "breached")
MANY = 137
FILES = (
    File("rows-without-a-date.csv", 48_213),
    File("How a report chooses its rows.pdf", 1_734_002),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A delivery and all that its words are made from."""

    name: str
    """Such as "acknowledgement-starter"."""
    delivery: Delivery
    about: About


def samples(catalogue: Catalogue, *, locale: str = "en-GB") -> Iterator[Sample]:
    """Every kind, acknowledgements for every plan and without one, alerts for every clock."""
    ticket = _ticket(locale)
    for plan in (*catalogue.plans, None):
        yield _acknowledgement(plan, replace(ticket, plan=plan.id if plan else None), catalogue)
    yield _reply("reply", replace(ticket, verified_at=ASKED), messages=1)
    yield _reply("reply-of-several", ticket, messages=2)
    yield _reply("reply-with-files", ticket, messages=1, files=FILES)
    for clock in Clock:
        yield _sample(f"at-risk-{clock}", DeliveryKind.AT_RISK_ALERT, ticket, clock)
        yield _sample(f"breach-{clock}", DeliveryKind.BREACH_ALERT, ticket, clock)
    late = _sample("breach-second-step", DeliveryKind.BREACH_ALERT, ticket)
    facts = {**late.delivery.facts, "step_after_seconds": 1800, "priority": "urgent"}
    yield replace(late, delivery=replace(late.delivery, step=1, facts=facts))
    for state in STATES:
        yield _sample(f"retraction-{state}", DeliveryKind.BREACH_RETRACTION, ticket, state=state)
    due = NextDue(Clock.FIRST_RESPONSE, "advanced", DUE)
    for name, next_due in (("assignment", due), ("assignment-nothing-due", None)):
        about = About(replace(ticket, priority=Priority.HIGH), next_due=next_due)
        yield Sample(name, _delivery(name, DeliveryKind.ASSIGNMENT, {}), about)
    yield _digest(catalogue)


def check(desk: Desk, catalogue: Catalogue) -> None:
    """Fill in every template in every language, so that one which breaks is known at start.

    Raises:
        TemplatesError: one broke; the message has file, line and reason.
    """
    for tag in desk.templates.tags:
        language = desk.templates.language(tag)
        for sample in samples(catalogue, locale=tag):
            facts = facts_of(
                sample.delivery, sample.about, catalogue=catalogue, desk=desk, language=language
            )
            for part in PARTS:
                desk.templates.render(f"{sample.delivery.kind}.{part}", facts, language)


def _ticket(locale: str) -> Ticket:
    return Ticket(
        requester="r-0123456789abcdef",
        address="customer@customer.example",
        locale=locale,
        time_zone="Europe/Berlin",
        message_id="<request@customer.example>",
        plan="advanced",
        due_at=DUE,
    )


def _acknowledgement(plan: Plan | None, ticket: Ticket, catalogue: Catalogue) -> Sample:
    promises = plan is not None and plan.id != catalogue.default_plan
    name = f"acknowledgement-{plan.id if plan else 'unknown'}"
    articles = [
        {
            "title": "Exports that stay empty",
            "url": "https://docs.careline.example/exports",
        },
        {
            "title": "Which rows a report leaves out, and how to see them",
            "url": "https://docs.careline.example/reports/rows",
        },
    ]
    delivery = _delivery(name, DeliveryKind.ACKNOWLEDGEMENT, {"articles": articles})
    return Sample(name, delivery, About(replace(ticket, due_at=DUE if promises else None)))


def _reply(name: str, ticket: Ticket, *, messages: int, files: tuple[File, ...] = ()) -> Sample:
    written = (
        (
            "Hello,\n\nthank you for the file. The report leaves out rows without a date; that is "
            "why yours is empty. Please see https://docs.careline.example/reports/rows for how to "
            "show them.\n\n"
            "1. Open the report.\n2. Tick \u201cRows without a date\u201d.\n3. Save.\n\n"
            "Does that help?"
        ),
        "One more thing: an export that you have made already changes only once it runs again.",
    )
    said = (
        (AuthorKind.CUSTOMER, "A Customer", "Here is the file.\n\nKind regards"),
        (AuthorKind.AGENT, "An Agent", "Could you send us the file that came out empty?"),
        (AuthorKind.CUSTOMER, "A Customer", "The export is empty.\n" + "It has no rows.\n" * 20),
    )
    return Sample(
        name,
        _delivery(name, DeliveryKind.REPLY, {}),
        About(
            ticket,
            messages=tuple(
                _message(10 + number, AuthorKind.AGENT, "An Agent", text, files)
                for number, text in enumerate(written[:messages])
            ),
            earlier=tuple(_message(9 - at, *each) for at, each in enumerate(said)),
        ),
    )


def _message(
    sequence: int, kind: AuthorKind, name: str, text: str, files: tuple[File, ...] = ()
) -> Message:
    return Message(
        id=uuid5(_ROOT, str(sequence)),
        ticket=_ROOT,
        sequence=sequence,
        author_kind=kind,
        author_name=name,
        text=text,
        posted_at=ASKED + timedelta(minutes=11 * sequence),
        files=files,
    )


def _sample(
    name: str,
    kind: DeliveryKind,
    ticket: Ticket,
    clock: Clock = Clock.FIRST_RESPONSE,
    state: str | None = None,
) -> Sample:
    due_now = DUE + timedelta(hours=3) if state in ("running", "breached") else None
    facts = {
        "plan": "advanced",
        "due": DUE.isoformat(),
        "state": state,
        "due_now": due_now and due_now.isoformat(),
    }
    return Sample(name, replace(_delivery(name, kind, facts), clock=clock, cycle=1), About(ticket))


def _digest(catalogue: Catalogue) -> Sample:
    """More than a digest shows, of all plans."""
    kinds = (DeliveryKind.BREACH_ALERT, DeliveryKind.BREACH_ALERT, DeliveryKind.AT_RISK_ALERT)
    plans = [plan.id for plan in catalogue.plans if plan.calendar is not None]
    carried = tuple(
        replace(
            _delivery(
                f"carried-{number}",
                kinds[number % 3],
                {
                    "plan": plans[number % len(plans)] if plans else None,
                    "due": (DUE + timedelta(seconds=7 * number)).isoformat(),
                    "queue": "support",
                },
            ),
            clock=Clock.FIRST_RESPONSE,
            cycle=1,
        )
        for number in range(50)
    )
    digest = replace(_delivery("digest", DeliveryKind.DIGEST, {}), ticket=None)
    counts = {DeliveryKind.BREACH_ALERT: MANY - 46, DeliveryKind.AT_RISK_ALERT: 46}
    return Sample("digest", digest, About(carried=carried, carried_by_kind=counts))


def _delivery(name: str, kind: DeliveryKind, facts: Mapping[str, object]) -> Delivery:
    return Delivery(
        id=derive_id(_ROOT, name),
        ticket=derive_id(_ROOT, "ticket", name),
        kind=kind,
        channel=NotificationChannel.EMAIL,
        lane=MAIL_LANE,
        address="reader@careline.example",
        person=STAFF,
        state=DeliveryState.PLANNED,
        not_before=ASKED,
        attempts=0,
        uncertain=False,
        caused_at=ASKED,
        ended_at=None,
        caused_by=_ROOT,
        correlation=_ROOT,
        traceparent=None,
        facts=facts,
    )
