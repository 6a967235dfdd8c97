"""Whose plan a ticket is slotted by."""

from dataclasses import dataclass

import pytest

from services.sla.catalogues import Book
from services.sla.clocks import FactKind
from services.sla.handlers import Rules, fact_of
from shared.events import TicketStatus
from shared.messages import AuthorKind, Visibility
from shared.plans import Catalogue, Priority
from tests.support import said, said_mails


@dataclass(frozen=True, slots=True)
class InForce:
    """A catalogue that never changes."""

    catalogue: Catalogue


@pytest.mark.parametrize(
    ("trust", "verified", "counts"),
    [(True, False, True), (True, True, True), (False, False, False), (False, True, True)],
)
def test_an_account_that_was_only_named_counts_where_that_is_allowed(
    *, trust: bool, verified: bool, counts: bool
) -> None:
    """With proof an account always counts; without, it is the organisation's decision."""
    created = said.ticket_created(account="an-account")
    data = created.data.model_copy(update={"account_verified": verified})
    created = created.model_copy(update={"data": data})
    rules = Rules(Book(InForce(said.CATALOGUE)), trust_named_accounts=trust)
    account = rules.account_of(created)
    assert account == ("an-account" if counts else "")


def test_only_public_words_of_people_count() -> None:
    """A note is not for the customer, and an automatic answer is by nobody."""
    created = said.ticket_created()
    answer = said.message_posted(created)
    note = said.message_posted(created, visibility=Visibility.NOTE)
    automatic = answer.model_copy(
        update={"data": answer.data.model_copy(update={"author_kind": AuthorKind.SYSTEM})}
    )
    fact = fact_of(answer)
    assert fact is not None
    assert (fact.kind, fact.id, fact.at) == (FactKind.AGENT_MESSAGE, answer.id, answer.time)
    assert fact_of(note) is fact_of(automatic) is None


def test_a_customers_mail_counts_as_their_words_and_a_machines_does_not() -> None:
    """A vacation notice neither asks anything nor answers it."""
    created = said.ticket_created()
    mail, notice = (
        said_mails.mail_posted(created, said_mails.message_received(created, automatic=automatic))
        for automatic in (False, True)
    )
    fact = fact_of(mail)
    assert fact is not None
    assert (fact.kind, fact.id, fact.at) == (FactKind.CUSTOMER_MESSAGE, mail.id, mail.time)
    assert fact_of(notice) is None


def test_a_status_and_a_priority_are_facts_with_their_value() -> None:
    """What a ticket was set to, when that happened."""
    created = said.ticket_created()
    status = fact_of(said.status_changed(created, TicketStatus.PENDING))
    priority = fact_of(said.priority_changed(created, Priority.URGENT))
    assert status is not None
    assert priority is not None
    assert (status.kind, status.value) == (FactKind.STATUS, "pending")
    assert (priority.kind, priority.value) == (FactKind.PRIORITY, "urgent")
