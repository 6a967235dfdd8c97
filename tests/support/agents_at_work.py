"""What agents do with tickets over messaging's API, beside answering them."""

from typing import Any

import httpx

from tests.support.desk import Desk
from tests.support.waiting import until

COLLEAGUE, COLLEAGUE_NAME = "a-colleague", "An Assignee"
COLLEAGUE_ADDRESS = "assignee@careline.example"


async def hand_over(client: httpx.AsyncClient, desk: Desk, ticket: str) -> None:
    """Give a ticket to a colleague who has signed in before, and say what it is about."""
    await desk.query(
        "messaging",
        """
        INSERT INTO people (subject, name, address, address_verified, roles, seen_at)
        VALUES ($1, $2, $3, true, '{agent}', now())
        """,
        COLLEAGUE,
        COLLEAGUE_NAME,
        COLLEAGUE_ADDRESS,
    )
    await _put(client, desk, ticket, "assignment", {"assignee": COLLEAGUE})
    await _put(client, desk, ticket, "tags", {"tags": ["export"]})


async def merge_and_part(client: httpx.AsyncClient, desk: Desk, ticket: str, into: str) -> None:
    """Let a ticket go into another one of the same account, and take it out again."""
    await _put(client, desk, ticket, "merge", {"into": into})
    url = f"{_url(desk, ticket)}/merge"
    answer = await client.delete(url, headers=desk.bearer("agent"))
    assert answer.status_code == httpx.codes.OK, answer.text


async def ask_for_plan(client: httpx.AsyncClient, desk: Desk, ticket: str, plan: str) -> None:
    """Ask for another plan for a ticket's account."""
    url = f"{_url(desk, ticket)}/plan-change"
    answer = await client.post(url, json={"plan": plan}, headers=desk.bearer("agent"))
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text


async def dismiss_a_wish(client: httpx.AsyncClient, desk: Desk, ticket: str, account: str) -> None:
    """Be done with another plan that the account's customer asked for, without a change."""
    wish = {"text": "We would like more.", "asks_for_plan": "advanced"}
    customer = desk.bearer("customer", account=account)
    answer = await client.post(f"{_url(desk, ticket)}/messages", json=wish, headers=customer)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    answer = await client.delete(f"{_url(desk, ticket)}/plan-change", headers=desk.bearer("agent"))
    assert answer.status_code == httpx.codes.NO_CONTENT, answer.text


async def _put(
    client: httpx.AsyncClient, desk: Desk, ticket: str, name: str, body: dict[str, Any]
) -> None:
    """Once the ticket is there."""

    async def taken() -> bool:
        url = f"{_url(desk, ticket)}/{name}"
        answer = await client.put(url, json=body, headers=desk.bearer("agent"))
        assert answer.status_code in (httpx.codes.OK, httpx.codes.NOT_FOUND), answer.text
        return answer.status_code == httpx.codes.OK

    await until(taken, what=f"{name} is set")


def _url(desk: Desk, ticket: str) -> str:
    return f"{desk.url('messaging')}/v1/tickets/{ticket}"
