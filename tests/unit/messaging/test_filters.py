"""What an agent wants to see, as it stands in an address."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messaging.filters import NAMES, Filter, Place, clean_tags

TICKET = UUID(int=7)


@given(st.dictionaries(st.sampled_from(list(NAMES)), st.text(max_size=300)))
def test_a_filter_is_the_same_after_it_stood_in_an_address(query: dict[str, str]) -> None:
    """Whatever somebody types: what is left of it is written, and read as the same."""
    wanted = Filter.read(query)
    assert Filter.read(dict(parse_qsl(wanted.query, keep_blank_values=True))) == wanted
    for name, _ in wanted.parts():
        assert name not in dict(wanted.without(name).parts())


def test_what_makes_no_sense_narrows_nothing() -> None:
    """Unknown statuses, priorities, urgencies and names are left out."""
    asked = {"status": "lost", "priority": "now", "urgency": "4", "colour": "red"}
    assert Filter.read(asked) == Filter()


@given(
    st.integers(0, 3),
    st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - as hypothesis wants its bounds
    st.uuids(),
)
def test_a_place_is_the_same_after_it_stood_in_an_address(
    urgency: int, due: datetime | None, ticket: UUID
) -> None:
    """To the microsecond, so that no ticket is left out or shown twice."""
    place = Place(urgency, due, ticket)
    assert Place.read(place.written) == place


@pytest.mark.parametrize("text", ["", "x", "1|2|3", "é", "A" * 5000])
def test_what_is_no_place_is_none(text: str) -> None:
    """Somebody may type anything."""
    assert Place.read(text) is None


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_a_place(text: str) -> None:
    """It is a place, or None."""
    found = Place.read(text)
    assert found is None or found.urgency in range(4)


def test_tags_come_in_order_and_once() -> None:
    """However they were typed."""
    assert clean_tags(" VIP,billing  vip,, Zoo ") == ("billing", "vip", "zoo")
