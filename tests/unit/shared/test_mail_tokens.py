"""Reply addresses and Message-IDs prove what they say, and to whom it was said."""

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.envelope import NAMESPACE
from shared.mail_tokens import BOUNCES, LONGEST_MAILBOX, MailTokens

TOKENS = MailTokens("a-secret-of-the-tests", "support@desk.example")
OTHERS = MailTokens("another-secret-of-tests", "support@desk.example")
TICKET, DELIVERY = uuid5(NAMESPACE, "ticket"), uuid5(NAMESPACE, "delivery")
SOMEBODY, STRANGER = "r-one", "r-two"

uuids = st.uuids()


@given(uuids, st.text(max_size=40))
def test_a_reply_address_says_its_ticket_and_holds_for_its_party(ticket: UUID, party: str) -> None:
    """What was made for somebody is read back, whatever a mail server does to its case."""
    address = TOKENS.address(ticket, party)
    assert len(address.partition("@")[0]) <= 64
    for written in (address, address.upper(), f"<{address}>"):
        returned = TOKENS.read_address(written)
        assert returned is not None
        assert returned.ticket == ticket
        assert TOKENS.holds(returned, party)


def test_a_reply_address_holds_for_nobody_else() -> None:
    """Another person, another secret or another use of the same ticket proves nothing."""
    returned = TOKENS.read_address(TOKENS.address(TICKET, SOMEBODY))
    assert returned is not None
    assert not TOKENS.holds(returned, STRANGER)
    assert not TOKENS.holds(returned, BOUNCES)
    assert not OTHERS.holds(returned, SOMEBODY)


@given(st.integers(0, 55), st.sampled_from("0123456789abcdefghijklmnopqrstuvwxyz"))
def test_one_changed_digit_spoils_a_reply_address(place: int, digit: str) -> None:
    """The hash is there in full: no digit of the address is without weight."""
    address = TOKENS.address(TICKET, SOMEBODY)
    at = address.index("+") + 1 + place
    changed = address[:at] + digit + address[at + 1 :]
    returned = TOKENS.read_address(changed)
    assert changed == address or returned is None or not TOKENS.holds(returned, SOMEBODY)


@pytest.mark.parametrize(
    "address",
    [
        "support@desk.example",
        "support+short@desk.example",
        "support+" + "z" * 56 + "@desk.example",
        "support+" + "\u0660" * 56 + "@desk.example",
        "other+" + "0" * 56 + "@desk.example",
        "support+" + "0" * 56 + "@else.example",
        "",
        "no address",
    ],
)
def test_other_addresses_are_no_reply_addresses(address: str) -> None:
    """The mailbox itself, other people's addresses and nonsense name no ticket."""
    assert TOKENS.read_address(address) is None


@given(uuids, uuids, st.text(max_size=40))
def test_a_message_id_says_ticket_and_delivery_to_its_party(
    delivery: UUID, ticket: UUID, party: str
) -> None:
    """What a mail of ours was called is read back from an answer to it."""
    message_id = TOKENS.message_id(delivery, ticket, party)
    assert message_id == TOKENS.message_id(delivery, ticket, party)
    answered = TOKENS.read_message_id(message_id, party)
    assert answered is not None
    assert (answered.ticket, answered.delivery) == (ticket, delivery)
    assert TOKENS.is_ours(message_id)


def test_a_message_id_proves_nothing_for_somebody_else() -> None:
    """Whoever was forwarded a mail of ours, and answers it, takes no part by that."""
    message_id = TOKENS.message_id(DELIVERY, TICKET, SOMEBODY)
    assert TOKENS.read_message_id(message_id, STRANGER) is None
    assert OTHERS.read_message_id(message_id, SOMEBODY) is None
    assert TOKENS.named(message_id) == TICKET
    assert TOKENS.read_message_id("<one@customer.example>", SOMEBODY) is None
    assert not TOKENS.is_ours("<one@customer.example>")


@pytest.mark.parametrize(
    "mailbox", ["a" * (LONGEST_MAILBOX + 1) + "@desk.example", "support", "a b@desk.example", "@x"]
)
def test_a_mailbox_that_can_not_take_replies_is_refused(mailbox: str) -> None:
    """Too long for what is added, or no address: said at start, not by lost mail."""
    with pytest.raises(ValueError, match="can't take replies"):
        MailTokens("a-secret-of-the-tests", mailbox)
