"""The plans as data: what customers' programs read of them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.plan_pages import GERMAN, SHIPPED, Shown, edited


@pytest.fixture
async def shown() -> AsyncIterator[Shown]:
    """Asked by anybody, without a token."""
    shown = Shown()
    async with shown.client:
        yield shown


async def data(shown: Shown) -> dict[str, Any]:
    """The plans as data."""
    answer = await shown.client.get("/v1/plans")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


async def test_the_plans_are_data_for_everybody(shown: Shown) -> None:
    """Who asks on Friday evening has an answer on Monday, except from those who always work."""
    document = await data(shown)
    assert document["catalogue_version"] == "2026-11"
    assert document["default_plan"] == "self-service"
    assert document["as_of"] == "2026-11-06T18:00:00.000000Z"
    due = {plan["id"]: plan["if_asked_now"].get("normal") for plan in document["plans"]}
    assert due == {
        "self-service": None,
        "starter": "2026-11-10T17:00:00.000000Z",
        "basic": "2026-11-09T17:00:00.000000Z",
        "advanced": "2026-11-09T13:00:00.000000Z",
        "professional": "2026-11-09T10:00:00.000000Z",
        "centurion": "2026-11-06T18:30:00.000000Z",
    }
    assert list(due) == [plan.id for plan in SHIPPED.plans]
    free, *_, white_glove = document["plans"]
    assert (free["calendar"], free["round_the_clock"], free["warnings"]) == (None, False, {})
    assert (white_glove["calendar"], white_glove["round_the_clock"]) == ("always", True)
    assert white_glove["service_level"] == "White-Glove Service & Support"


async def test_data_has_every_target_and_warning(shown: Shown) -> None:
    """By priority and clock, in seconds; a clock that nobody is promised is left out."""
    shown.catalogue = GERMAN
    (advanced,) = (plan for plan in (await data(shown))["plans"] if plan["id"] == "advanced")
    ordinary = {"first_response": 14400, "resolution": 144000}
    assert advanced["target_seconds"] == {
        "low": ordinary,
        "normal": ordinary,
        "high": ordinary,
        "urgent": {"first_response": 3600, "resolution": 144000},
    }
    assert advanced["warnings"] == {
        "first_response": [{"fraction_of_target": 0.8}, {"seconds_before_due": 1800}],
        "resolution": [{"fraction_of_target": 0.5}],
    }
    assert advanced["if_asked_now"]["urgent"] == "2026-11-09T09:00:00.000000Z"
    assert advanced["if_asked_now"]["low"] == "2026-11-09T12:00:00.000000Z"


async def test_data_has_the_whole_calendar(shown: Shown) -> None:
    """Zone, week, holidays and exceptions: what a due time is counted from."""
    shown.catalogue = GERMAN
    calendars = (await data(shown))["calendars"]
    nine_to_five = [["09:00", "17:00"]]
    assert calendars["business"] == {
        "tz": "Europe/Berlin",
        "round_the_clock": False,
        "hours": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), nine_to_five)
        | {"sat": [], "sun": []},
        "country": "DE",
        "subdivision": "BY",
        "closed": ["2026-10-30", "2026-12-24"],
        "exceptions": {"2026-11-06": [], "2026-11-27": [["09:00", "13:00"]]},
    }
    assert calendars["always"]["round_the_clock"]


@pytest.mark.parametrize("path", ["/v1/plans", "/plans"])
async def test_who_is_told_of_breaches_is_nobodys_business(shown: Shown, path: str) -> None:
    """No address of ours stands in what everybody may read."""
    shown.catalogue = GERMAN
    assert "@careline" not in (await shown.client.get(path)).text


@pytest.mark.parametrize("path", ["/v1/plans", "/plans"])
async def test_what_did_not_change_is_not_sent_again(shown: Shown, path: str) -> None:
    """For a minute nobody need ask; who asks with the same tag gets 304 until something changes."""
    first = await shown.client.get(path)
    assert first.headers["cache-control"] == "public, max-age=60"
    tag = first.headers["etag"]
    for known in (tag, f'W/{tag}, "other"'):
        again = await shown.client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await shown.client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
    shown.now += timedelta(seconds=1)
    later = await shown.client.get(path, headers={"If-None-Match": tag})
    assert later.status_code == 200
    assert later.headers["etag"] != tag


async def test_a_new_catalogue_shows_at_once(shown: Shown) -> None:
    """Both say what is in force when they are asked."""
    await data(shown)
    shown.catalogue = edited(('version = "2026-11"', 'version = "2026-12"'))
    assert (await data(shown))["catalogue_version"] == "2026-12"
    assert "Catalogue 2026-12." in (await shown.client.get("/plans")).text
