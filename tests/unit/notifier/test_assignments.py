"""Who is told that a ticket is theirs, and what the mail says."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.notifier.assignments import is_handed_over, tell
from services.notifier.deliveries import DeliveryKind
from shared.handling import TicketAssigned
from tests.support import said
from tests.support.composed import DESK, PARTS, html, mail, part, sample
from tests.support.said_handling import AGENT, COLLEAGUE, LEAD, address_of, ticket_assigned

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CREATED = said.ticket_created(at=NOON)


def test_whoever_is_given_a_ticket_is_told_once() -> None:
    """By mail, at once; a repeat of the event is the same mail."""
    assigned = ticket_assigned(CREATED, COLLEAGUE, previous=AGENT, at=NOON)
    delivery = tell(assigned, now=NOON)
    assert delivery is not None
    assert (delivery.kind, delivery.channel) == (DeliveryKind.ASSIGNMENT, "email")
    assert (delivery.address, delivery.not_before) == (address_of(COLLEAGUE), NOON)
    assert delivery.caused_by == assigned.id
    again = tell(assigned, now=said.now())
    assert again is not None
    assert again.id == delivery.id


@pytest.mark.parametrize(
    "assigned",
    [
        pytest.param(ticket_assigned(CREATED, LEAD, by=LEAD), id="they took it"),
        pytest.param(ticket_assigned(CREATED, None, previous=AGENT), id="it was given back"),
        pytest.param(
            ticket_assigned(CREATED, AGENT, previous=AGENT, queue="billing"), id="another queue"
        ),
        pytest.param(
            ticket_assigned(CREATED, AGENT).model_copy(
                update={
                    "data": ticket_assigned(CREATED, AGENT).data.model_copy(
                        update={"private": None}
                    )
                }
            ),
            id="no address is known",
        ),
    ],
)
def test_nobody_is_told_what_they_know_or_what_is_not_theirs(assigned: TicketAssigned) -> None:
    """And nobody can be written to without an address."""
    assert tell(assigned, now=NOON) is None


def test_another_queue_alone_hands_nothing_over() -> None:
    """The ticket stays whose it is."""
    assert is_handed_over(ticket_assigned(CREATED, AGENT))
    assert not is_handed_over(ticket_assigned(CREATED, AGENT, previous=AGENT, queue="billing"))


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-GB", ("Given to you: CL-", "Next is due: first response, by Tuesday, 24 November")),
        ("de-DE", ("Ihnen übertragen: CL-", "Als Nächstes fällig: ", "Dienstag, 24. November")),
        ("es-ES", ("Asignado a usted: CL-", "Lo próximo que vence: ", "martes, 24 de noviembre")),
    ],
)
def test_the_mail_says_which_ticket_by_what_plan_and_what_is_due(
    locale: str, words: tuple[str, ...], kind: str
) -> None:
    """In the language of our people, to the second, with where to look; nobody answers it."""
    of, desk = sample("assignment"), replace(DESK, staff_locale=locale)
    sent = mail(of, desk)
    text = part(sent, kind)
    for each in (*words, "9:30:00", "Platform Care Advanced", "support"):
        assert each in text
    link = f"https://desk.careline.example/inbox/{of.delivery.ticket}"
    assert link in (html(sent) if kind == "html" else text)
    assert sent["Auto-Submitted"] == "auto-generated"
    assert "(advanced, support," in sent["Subject"]


@pytest.mark.parametrize("kind", PARTS)
def test_no_due_time_is_named_where_none_is_known(kind: str) -> None:
    """The plan is the one that the ticket was slotted by."""
    text = part(mail(sample("assignment-nothing-due")), kind)
    assert "due" not in text.lower()
    assert "Platform Care Advanced" in text


def test_nothing_of_the_customer_stands_in_it() -> None:
    """Neither who they are nor what they wrote: no more than in alerts."""
    of = sample("assignment")
    about = replace(of.about, ticket=replace(of.about.ticket, name="A Customer"))
    whole = mail(replace(of, about=about)).as_string()
    assert "A Customer" not in whole
    assert "customer@customer.example" not in whole
