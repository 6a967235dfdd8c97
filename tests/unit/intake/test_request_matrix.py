"""Each page of intake, asked by everybody: who is known there, and what the others are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from shared.passes import PassKind, make_pass
from tests.support.request_desk import FIELDS, NOW, OURS, SECRET, SOMEBODY, RequestDesk

WORDS = ("ada", "an-account")
"""Of who is signed in: their name and address, and their account."""
FOREIGN = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
EARLIER = NOW - PassKind.KEPT.lasts - timedelta(minutes=1)
KEPT = make_pass(SECRET, SOMEBODY, PassKind.KEPT, now=NOW)
COOKIES: Mapping[str, str | None] = {
    "nobody": None,
    "somebody": KEPT,
    "whose pass is too old": make_pass(SECRET, SOMEBODY, PassKind.KEPT, now=EARLIER),
    "whose pass somebody else made": make_pass("f" * 32, SOMEBODY, PassKind.KEPT, now=NOW),
    "whose pass was for coming in": make_pass(SECRET, SOMEBODY, PassKind.HANDOVER, now=NOW),
    "whose pass was bent": KEPT[:-2] + ("AA" if not KEPT.endswith("AA") else "BB"),
}


@dataclass(frozen=True)
class Row:
    """A route, what is sent to it, and the status that everybody gets."""

    method: str
    path: str
    gives: int
    names: Mapping[str, str] | None = None
    """What stands in its path."""
    greets: bool = False
    """Whether it shows who is signed in."""

    @property
    def url(self) -> str:
        """Where it is asked."""
        return self.path.format(**(self.names or {}))


TABLE = (
    Row("GET", "/", 303),
    Row("GET", "/request", 200, greets=True),
    Row("GET", "/chat", 200, greets=True),
    Row("POST", "/request", 303),
    Row("POST", "/chat", 303),
    Row("GET", "/request/sign-in", 303),
    Row("POST", "/request/forget", 303),
    Row("GET", "/thanks/{key}", 404, {"key": "a" * 60}),
    Row("GET", "/static/{name}", 200, {"name": "look.css"}),
    Row("GET", "/health/live", 200),
    Row("GET", "/health/ready", 200),
    Row("GET", "/metrics", 200),
)
POSTS = [row for row in TABLE if row.method == "POST"]
TYPED = {name: value for name, value in FIELDS.items() if name != "account"}


async def _ask(
    desk: RequestDesk, row: Row, cookie: str | None, headers: dict[str, str] = OURS
) -> httpx.Response:
    """Ask as whoever has this cookie; nothing that they type names the account."""
    given: dict[str, Any] = {"data": TYPED} if row.method == "POST" else {}
    brought = {"Cookie": f"careline_request={cookie}"} if cookie else {}
    async with desk.client() as client:
        return await client.request(row.method, row.url, headers=brought | headers, **given)


def test_each_route_has_been_decided_about() -> None:
    """A new one fails this until it stands in the table."""
    routes = RequestDesk().application.routes
    served = {
        (method, route.path)
        for route in routes
        if isinstance(route, Route)
        for method in set(route.methods or ()) - {"HEAD"}
    }
    assert served == {(row.method, row.path) for row in TABLE}


@pytest.mark.parametrize("who", COOKIES)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.method} {row.path}")
async def test_who_is_signed_in_is_shown_to_them_alone(row: Row, who: str) -> None:
    """A pass that does not hold is none."""
    answer = await _ask(RequestDesk(), row, COOKIES[who])
    assert answer.status_code == row.gives
    text = (answer.text + str(answer.headers)).lower()
    shown = {word for word in WORDS if word in text.replace("metadata", "")}
    known = row.greets and who == "somebody"
    assert ("ada@customer.example" in text) is known
    assert known or "an-account" not in shown


@pytest.mark.parametrize("who", COOKIES)
@pytest.mark.parametrize("row", POSTS, ids=lambda row: row.path)
async def test_what_another_site_sends_is_refused(row: Row, who: str) -> None:
    """Whoever is signed in; nothing of it is said."""
    desk = RequestDesk()
    for headers in (FOREIGN, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-site"}):
        answer = await _ask(desk, row, COOKIES[who], headers)
        assert answer.status_code == 403
        assert "ada@customer.example" not in answer.text
        assert "set-cookie" not in answer.headers
    assert desk.stream.taken == []


@pytest.mark.parametrize("who", COOKIES)
@pytest.mark.parametrize("path", ["/request", "/chat"])
async def test_a_request_is_an_accounts_by_a_pass_that_holds(path: str, who: str) -> None:
    """Of nobody else is it said that they were proved to belong to it."""
    desk = RequestDesk()
    await _ask(desk, Row("POST", path, 303), COOKIES[who])
    (created,) = [each for each in desk.stream.events if each.type.endswith("ticket.created.v1")]
    assert created.data.account_verified is (who == "somebody")  # type: ignore[union-attr]  # that kind has it
    assert (created.data.account == "an-account") is (who == "somebody")  # type: ignore[union-attr]  # the same
