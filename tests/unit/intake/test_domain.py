"""From a request to `TicketCreated`: pure decisions."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.intake import domain
from shared.messages import AuthorKind, Channel
from shared.plans import Priority
from tests.support import said

SUBMISSION = domain.Submission(
    address=said.ADDRESS,
    name="A Customer",
    account=None,
    account_verified=False,
    opened_by=AuthorKind.CUSTOMER,
    subject="It does not work",
    text="Help!",
    channel=Channel.WEB,
    priority=Priority.NORMAL,
    locale="en",
    time_zone="UTC",
)


PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@given(one=st.tuples(PRINTABLE, PRINTABLE), two=st.tuples(PRINTABLE, PRINTABLE))
def test_a_ticket_is_the_same_if_and_only_if_sender_and_key_are(
    one: tuple[str, str], two: tuple[str, str]
) -> None:
    """Moving a letter from the sender to the key makes another ticket too."""
    first, second = (domain.ticket_id(sender=sender, key=key) for sender, key in (one, two))
    assert (first == second) == (one == two)


def test_without_an_account_the_requester_is_an_account_of_their_own() -> None:
    """Nobody is without an account: plans and threads are found by it."""
    created = said.ticket_created()
    assert created.data.account == created.data.requester == said.REQUESTER


def test_a_ticket_says_who_opened_it() -> None:
    """An agent may open one for a customer, who is its requester all the same."""
    created = said.ticket_created(opened_by=AuthorKind.AGENT)
    assert created.data.opened_by is AuthorKind.AGENT
    assert created.data.requester == said.REQUESTER
    assert said.ticket_created().data.opened_by is AuthorKind.CUSTOMER


def test_the_same_request_has_the_same_fingerprint_and_another_has_not() -> None:
    """Where it came from doesn't matter, what was asked does."""
    same = replace(SUBMISSION, channel=Channel.API, locale="de", time_zone="Asia/Kathmandu")
    assert domain.fingerprint(same) == domain.fingerprint(SUBMISSION)
    for other in (
        replace(SUBMISSION, text="Help"),
        replace(SUBMISSION, subject="It works"),
        replace(SUBMISSION, priority=Priority.URGENT),
        replace(SUBMISSION, account="an-account"),
    ):
        assert domain.fingerprint(other) != domain.fingerprint(SUBMISSION)
