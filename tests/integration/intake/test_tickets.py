"""intake as a real process: what it accepts, what it refuses, and what a crash leaves behind."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.envelope import Topic
from shared.events import Event, TicketCreated
from shared.messages import AuthorKind
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import read_events

REQUEST: dict[str, Any] = {
    "requester": {"name": "A Customer", "address": "customer@customer.example"},
    "subject": "It does not work",
    "text": "Help!",
}
KEY = {"Idempotency-Key": "a-key-of-the-customer"}


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path) as made:
        yield made


async def test_a_request_sent_twice_under_one_key_is_one_ticket(desk: Desk) -> None:
    """Asking again is safe: the same ticket, the same event."""
    desk.start("intake")
    await desk.ready("intake")
    async with httpx.AsyncClient() as client:
        first, second = await _post(client, desk), await _post(client, desk)
    assert first.status_code == second.status_code == 202
    assert first.json()["ticket"] == second.json()["ticket"]
    assert first.headers["location"].endswith(f"/v1/tickets/{first.json()['ticket']}")
    assert len({event.id for event in await _created(desk)}) == 1


async def test_one_key_of_two_senders_is_two_tickets(desk: Desk) -> None:
    """A key is its sender's: nobody gets, or spoils, another's ticket by guessing a key."""
    desk.start("intake")
    await desk.ready("intake")
    other = REQUEST | {"requester": {"address": "other@customer.example"}}
    async with httpx.AsyncClient() as client:
        first, second = await _post(client, desk), await _post(client, desk, other)
    assert first.json()["ticket"] != second.json()["ticket"]


async def test_a_request_without_a_key_is_a_ticket_of_its_own(desk: Desk) -> None:
    """Two requests without a key are two tickets, however alike."""
    desk.start("intake")
    await desk.ready("intake")
    async with httpx.AsyncClient() as client:
        answers = [await client.post(_url(desk), json=REQUEST) for _ in range(2)]
    assert len({answer.json()["ticket"] for answer in answers}) == 2


@pytest.mark.timeout(180)
@pytest.mark.parametrize("place", ["intake.keys_published", "intake.published"])
async def test_killed_between_publish_and_answer_the_retry_is_the_same_ticket(
    desk: Desk, place: str
) -> None:
    """The caller never heard of its ticket and asks again: one ticket, which can be opened."""
    desk.start("intake", CARELINE_FAILPOINT=place)
    await desk.ready("intake")
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await _post(client, desk)
        assert await desk.died("intake") == -9
        assert len(await _created(desk)) == (place == "intake.published")
        desk.start("intake")
        await desk.ready("intake")
        again = await _post(client, desk)
    created = await _created(desk)
    assert {event.subject for event in created} == {again.json()["ticket"]}
    assert all(event.data.private is not None for event in created)
    assert len({event.id for event in created}) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"requester": {"address": "nobody"}}, "/requester/address"),
        ({"requester": {"address": "a@b.example", "name": "A\r\nBcc: x"}}, "/requester/name"),
        ({"subject": ""}, "/subject"),
        ({"subject": "Two\nlines"}, "/subject"),
        ({"text": "null \x00 byte"}, "/text"),
        ({"text": "x" * 50_001}, "/text"),
        ({"priority": "extreme"}, "/priority"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"locale": "deutsch!"}, "/locale"),
        ({"account": "no spaces here"}, "/account"),
        ({"queue": "no spaces here"}, "/queue"),
        ({"status": "closed"}, "/status"),
    ],
)
async def test_a_wrong_request_is_told_which_field_is_wrong(
    intake: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    """422 with a problem document that points at the field and doesn't repeat what was sent."""
    answer = await intake.post("/v1/tickets", json=REQUEST | change)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_a_customer_cannot_name_another_account(desk: Desk) -> None:
    """A token's account is what counts; another one in the body is refused."""
    desk.start("intake")
    await desk.ready("intake")
    customer = desk.bearer("customer", account="own")
    async with httpx.AsyncClient(headers=customer) as client:
        refused = await client.post(_url(desk), json=REQUEST | {"account": "another"})
        accepted = await client.post(_url(desk), json=REQUEST)
    assert (refused.status_code, accepted.status_code) == (403, 202)
    (created,) = await _created(desk)
    assert (created.data.account, created.data.account_verified) == ("own", True)


async def test_a_queue_may_be_named(desk: Desk) -> None:
    """The ticket says whose it is; without a name it is support's."""
    desk.start("intake")
    await desk.ready("intake")
    async with httpx.AsyncClient() as client:
        await client.post(_url(desk), json=REQUEST | {"queue": "billing"})
        await client.post(_url(desk), json=REQUEST)
    assert {event.data.queue for event in await _created(desk)} == {"billing", "support"}


async def test_who_opened_a_ticket_is_told_by_their_token(desk: Desk) -> None:
    """A token of ours makes it an agent's; a customer's, or none, a customer's."""
    desk.start("intake")
    await desk.ready("intake")
    callers = {
        "agent": desk.bearer("agent"),
        "lead": desk.bearer("lead"),
        "customer": desk.bearer("customer", account="own"),
        "nobody": {},
    }
    async with httpx.AsyncClient() as client:
        answers = {
            who: await client.post(_url(desk), json=REQUEST, headers=headers)
            for who, headers in callers.items()
        }
    opened_by = {event.subject: event.data.opened_by for event in await _created(desk)}
    assert {who: opened_by[each.json()["ticket"]] for who, each in answers.items()} == {
        "agent": AuthorKind.AGENT,
        "lead": AuthorKind.AGENT,
        "customer": AuthorKind.CUSTOMER,
        "nobody": AuthorKind.CUSTOMER,
    }


@pytest.fixture(scope="module")
def module_desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One intake for all requests that it refuses."""
    with running_desk(stack, tmp_path_factory.mktemp("intake")) as made:
        made.start("intake")
        yield made


@pytest.fixture
async def intake(module_desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running intake."""
    await module_desk.ready("intake")
    async with httpx.AsyncClient(base_url=module_desk.url("intake")) as client:
        yield client


def _url(desk: Desk) -> str:
    return f"{desk.url('intake')}/v1/tickets"


async def _post(
    client: httpx.AsyncClient, desk: Desk, request: dict[str, Any] = REQUEST
) -> httpx.Response:
    return await client.post(_url(desk), json=request, headers=KEY)


async def _created(desk: Desk) -> list[TicketCreated]:
    events: list[Event] = await read_events(
        desk.stack.bootstrap_servers, desk.namespace, Topic.TICKETS
    )
    return [event for event in events if isinstance(event, TicketCreated)]
