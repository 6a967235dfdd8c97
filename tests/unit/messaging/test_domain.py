"""Threads and who may do what in them: pure decisions."""

from dataclasses import replace
from uuid import UUID

import pytest

from services.messaging import domain, writing
from services.messaging.visitors import Visitor
from shared.identity import Caller, Role
from shared.messages import AuthorKind, Visibility
from tests.support import said


def customer(account: str | None) -> Caller:
    """A customer of an account."""
    return Caller("c-one", account, None, frozenset({Role.CUSTOMER}))


def test_a_ticket_becomes_a_thread_with_what_was_asked_as_its_first_message() -> None:
    """Sequence 1 is the request itself."""
    created = said.ticket_created()
    thread, first = domain.open_thread(created)
    assert first is not None
    assert (first.sequence, first.text, first.author_kind) == (1, "Help!", AuthorKind.CUSTOMER)
    assert thread.last_sequence == 1
    assert thread.ticket == UUID(created.subject)


def test_a_message_goes_to_the_end_and_keeps_the_tickets_correlation() -> None:
    """One more than the last; all events of a ticket have one correlation id."""
    created = said.ticket_created()
    thread, _ = domain.open_thread(created)
    posted = said.message_posted(created)
    assert posted.data.sequence == thread.last_sequence + 1
    assert posted.correlationid == created.id
    assert posted.subject == created.subject


@pytest.mark.parametrize(
    ("caller", "may"),
    [
        (customer("an-account"), True),
        (customer("another-account"), False),
        (customer(None), False),
        (customer(""), False),
        (Caller("x", "an-account", None, frozenset()), True),
        (Caller("x", None, None, frozenset()), False),
        (said.AGENT, True),
    ],
)
def test_a_customer_reads_the_threads_of_their_own_account_alone(
    caller: Caller, *, may: bool
) -> None:
    """Whose account it is decides; our own people read all."""
    thread, _ = domain.open_thread(said.ticket_created(account="an-account"))
    assert domain.may_read(Visitor(caller), thread) is may


@pytest.mark.parametrize(
    ("visitor", "is_verified", "may"),
    [
        (Visitor(said.AGENT), False, True),
        (
            Visitor(customer("an-account"), requester=said.REQUESTER),
            False,
            True,
        ),
        (Visitor(customer(None), requester=said.REQUESTER), False, False),
        (Visitor(customer(None), requester=said.REQUESTER), True, True),
        (Visitor(customer("another-account"), requester=said.REQUESTER), False, False),
    ],
)
def test_who_only_named_an_account_is_told_nothing_of_it(
    visitor: Visitor, *, is_verified: bool, may: bool
) -> None:
    """The ticket is theirs; the account may be anybody's."""
    thread, _ = domain.open_thread(said.ticket_created(account="an-account"))
    thread = replace(thread, account_verified=is_verified)
    assert domain.may_read(visitor, thread)
    assert domain.may_know_account(visitor, thread) is may


def test_a_ticket_that_only_names_an_account_is_not_its_peoples() -> None:
    """They would read a stranger's words as a colleague's, and answer them."""
    thread, _ = domain.open_thread(said.ticket_created(account="an-account"))
    colleague = Visitor(customer("an-account"))
    assert domain.may_read(colleague, thread)
    assert not domain.may_read(colleague, replace(thread, account_verified=False))


def test_a_customers_role_cannot_make_them_an_agent() -> None:
    """The author's kind comes from the token, not from what was sent."""
    thread, _ = domain.open_thread(said.ticket_created(account="an-account"))
    message = writing.write(
        thread,
        domain.actor(Visitor(customer("an-account")), thread),
        "I am an agent.",
        Visibility.PUBLIC,
        id_=writing.message_id(ticket=thread.ticket, author="c-one", key="k"),
        now=said.now(),
    )
    assert message.author_kind is AuthorKind.CUSTOMER


def test_another_request_under_an_old_key_is_told_from_a_repeat() -> None:
    """A repeat is harmless; something else must not be lost without a word."""
    first = said.ticket_created("same")
    thread, _ = domain.open_thread(first)
    domain.refuse_reused_key(first, thread.fingerprint)
    with pytest.raises(domain.KeyReusedError):
        domain.refuse_reused_key(said.ticket_created("same", text="Other"), thread.fingerprint)
