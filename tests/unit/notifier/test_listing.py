"""What operators ask for, read from queries as people and programs write them."""

from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from services.notifier.deliveries import DeliveryKind, DeliveryState
from services.notifier.register import listing
from services.notifier.register.listing import Listing, Place
from shared.problems import Problem
from shared.tickets import ticket_number
from tests.support.register import NOW, delivery

TICKET = delivery().ticket
PLACES = st.builds(Place, st.datetimes(timezones=st.just(NOW.tzinfo)), st.uuids())


@given(PLACES)
def test_a_place_is_read_as_it_was_written(place: Place) -> None:
    """Paging goes on where it stopped, to the microsecond."""
    query = QueryParams({"before": listing.written(place)})
    assert listing.read(query, Listing).before == place


@given(st.text())
def test_a_made_up_place_is_refused(text: str) -> None:
    """No text that we did not write breaks anything."""
    with pytest.raises(Problem) as refused:
        listing.read(QueryParams({"before": f"!{text}"}), Listing)
    assert refused.value.status == 422


def test_fields_may_be_given_several_times_where_it_makes_sense() -> None:
    """Two states are either of them; two addresses are a mistake."""
    asked = listing.read(QueryParams("state=failed&state=sent&kind=reply"), Listing)
    assert asked.state == (DeliveryState.FAILED, DeliveryState.SENT)
    assert asked.kind == (DeliveryKind.REPLY,)
    with pytest.raises(Problem):
        listing.read(QueryParams("address=a@a.example&address=b@b.example"), Listing)


@pytest.mark.parametrize(
    "query",
    [
        "state=lost",
        "kind=",
        "lane=%00",
        "ticket=one",
        "ticket=CL-0000-0000-000U",
        "digest=1",
        "address=",
        "address=a%00b",
        "address=a%0Ab",
        f"address={'x' * 321}",
        "reason=none",
        "before=1",
        "limit=0",
        "limit=201",
        "what=ever",
        "&".join(["state=sent"] * 11),
    ],
)
def test_what_nobody_can_look_for_is_refused(query: str) -> None:
    """With a problem, before the database is asked."""
    with pytest.raises(Problem) as refused:
        listing.read(QueryParams(query), Listing)
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("typed", "ticket", "address"),
    [
        (str(TICKET), str(TICKET), None),
        (" cl 0000 0000 0011 ", "cl 0000 0000 0011", None),
        ("name@customer.example", None, "name@customer.example"),
        ("slack", None, "slack"),
    ],
)
def test_the_search_box_tells_tickets_from_recipients(
    typed: str, ticket: str | None, address: str | None
) -> None:
    """Whatever stood there before is replaced, and the form's empty fields are nothing."""
    query = QueryParams({"q": typed, "kind": "", "address": "old@customer.example", "told": "x"})
    asked = listing.read_search(query)
    assert (asked.ticket, asked.address, asked.kind) == (ticket, address, ())


def test_a_query_asks_for_the_same_again() -> None:
    """Links of a page keep what was asked for, but for what they change."""
    asked = listing.read(QueryParams("state=failed&state=sent&address=a%2Bb@a.example"), Listing)
    changed = listing.query_of(asked, state=[], lane=["slack"])
    assert parse_qsl(changed[1:]) == [("address", "a+b@a.example"), ("lane", "slack")]
    again = listing.read(QueryParams(listing.query_of(asked)[1:]), Listing)
    assert again == asked
    assert listing.query_of(Listing()) == ""


@given(st.uuids())
def test_a_number_leads_to_the_end_of_the_id(ticket: UUID) -> None:
    """By which the database finds the ticket."""
    assert listing.ending_of(ticket_number(ticket)) == str(ticket)[-16:]
