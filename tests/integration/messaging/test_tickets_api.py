"""Tickets over HTTP as agents handle them, and as customers see that."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.attached import PART_BYTES
from shared.envelope import Topic
from shared.events import TicketCreated
from shared.links import make_link
from shared.messages import AttachmentReceived
from shared.tickets import ticket_number
from tests.support import said
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import publish, read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)  # more than all waits of a test together

LARGE = hashlib.shake_256(b"what nobody can pack").digest(PART_BYTES + 17)


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of which messaging runs, for all tests of this module; each has its own account."""
    with running_desk(stack, tmp_path_factory.mktemp("tickets")) as made:
        made.start("messaging")
        yield made


@dataclass(frozen=True)
class Center:
    """The API, as people of one account and agents reach it."""

    desk: Desk
    client: httpx.AsyncClient
    account: str

    async def open(self, key: str, text: str = "Help!") -> TicketCreated:
        """A new ticket of this account whose thread is open; its link is named for its key."""
        created = said.ticket_created(f"{self.account} {key}", account=self.account, text=text)
        made = make_link("secret", self.account, key, expires=created.time + timedelta(days=1))
        data = created.data.model_copy(update={"link": made.link})
        created = created.model_copy(update={"data": data})
        await publish(self.desk.stack.bootstrap_servers, self.desk.namespace, [created])

        async def is_there() -> bool:
            return (await self.get(f"/v1/tickets/{created.subject}")).status_code == 200

        await until(is_there, what="the thread")
        return created

    def token(self, created: TicketCreated, key: str) -> str:
        """The secret part of a ticket's link."""
        return make_link(
            "secret", self.account, key, expires=created.time + timedelta(days=1)
        ).token

    async def get(self, path: str, who: dict[str, str] | None = None) -> httpx.Response:
        """As an agent, unless somebody else is named."""
        return await self.client.get(path, headers=who or self.agent)

    async def send(
        self, method: str, path: str, who: dict[str, str] | None = None, **body: object
    ) -> httpx.Response:
        """The same with a body."""
        headers = who or self.agent
        return await self.client.request(method, path, json=body, headers=headers)

    @property
    def agent(self) -> dict[str, str]:
        """One of us."""
        return self.desk.bearer("agent")

    @property
    def customer(self) -> dict[str, str]:
        """Somebody of the account."""
        return self.desk.bearer("customer", account=self.account)

    @property
    def stranger(self) -> dict[str, str]:
        """A customer of another account."""
        return self.desk.bearer("customer", account="some-other-account")


@pytest.fixture
async def center(desk: Desk) -> AsyncIterator[Center]:
    """The API, with an account of this test's own."""
    await desk.ready("messaging")
    account = f"account-{secrets.token_hex(4)}"
    async with httpx.AsyncClient(base_url=desk.url("messaging"), timeout=20) as client:
        yield Center(desk, client, account)


async def test_an_agent_handles_a_ticket_and_it_shows(center: Center) -> None:
    """Whose it is, tags, plan that is asked for, read marks: set twice, and shown once."""
    url = f"/v1/tickets/{(await center.open('one')).subject}"
    for _ in range(2):
        answers = [
            await center.send("PUT", f"{url}/assignment", assignee="a-agent", queue="billing"),
            await center.send("PUT", f"{url}/tags", tags=["Login", "ios"]),
            await center.send("PUT", f"{url}/read", sequence=1),
            await center.send("POST", f"{url}/plan-change", plan="premium"),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 204, 202]
    shown = (await center.get(url)).json()
    assert (shown["assignee"], shown["queue"]) == ("a-agent", "billing")
    assert shown["tags"] == ["ios", "login"]
    assert (shown["unread"], shown["merged_into"], shown["account_plan"]) == (0, None, None)
    back = await center.send("PUT", f"{url}/assignment", assignee=None)
    assert (back.json()["assignee"], back.json()["queue"]) == (None, "billing")
    same = await center.send("PUT", f"{url}/assignment")
    assert same.json() == back.json()
    customers = (await center.get(url, center.customer)).json()
    assert "tags" not in customers
    assert customers["queue"] == "billing"


async def test_what_is_for_agents_is_refused_to_customers_and_hidden_from_strangers(
    center: Center,
) -> None:
    """403 in their own ticket, 404 in others', 401 without a token."""
    url = f"/v1/tickets/{(await center.open('one')).subject}"
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", "assignment", {"assignee": "c-one"}),
        ("PUT", "tags", {"tags": ["mine"]}),
        ("PUT", "merge", {"into": url[-36:]}),
        ("DELETE", "merge", {}),
        ("POST", "plan-change", {"plan": "premium"}),
        ("DELETE", "plan-change", {}),
    ]
    for method, what, body in asked:
        answers = [
            await center.send(method, f"{url}/{what}", who, **body)
            for who in (center.customer, center.stranger, {"X-Nobody": "1"})
        ]
        assert [answer.status_code for answer in answers] == [403, 404, 401], what
    assert (await center.get(url)).json()["assignee"] is None


async def test_two_tickets_are_merged_and_parted(center: Center) -> None:
    """What is written to the one stands in the other until then."""
    one, two = [f"/v1/tickets/{(await center.open(key)).subject}" for key in ("one", "two")]
    merged = await center.send("PUT", f"{one}/merge", into=two[-36:])
    assert (merged.json()["merged_into"], merged.json()["status"]) == (two[-36:], "closed")
    written = await center.send("POST", f"{one}/messages", center.customer, text="To the first")
    assert written.status_code == 201
    assert (written.json()["ticket"], written.json()["came_to"]) == (two[-36:], one[-36:])
    refused = await center.send("PUT", f"{one}/status", center.customer, status="open")
    assert (refused.status_code, refused.json()["merged_into"]) == (409, two[-36:])
    parted = await center.send("DELETE", f"{one}/merge")
    assert (parted.json()["merged_into"], parted.json()["status"]) == (None, "open")


async def test_a_list_shows_what_the_caller_may_see(center: Center) -> None:
    """Sifted, page by page; customers can't sift by what is ours."""
    opened = [(await center.open(key)).subject for key in "abc"]
    await center.send("PUT", f"/v1/tickets/{opened[0]}/tags", tags=[center.account])
    await center.send("PUT", f"/v1/tickets/{opened[1]}/status", status="pending")

    async def listed(query: str, who: dict[str, str] | None = None) -> list[str]:
        found = (await center.get(f"/v1/tickets?{query}", who)).json()["tickets"]
        return [each["ticket"] for each in found]

    assert await listed("", center.customer) == opened[::-1]
    assert await listed(f"account={center.account}") == opened[::-1]
    assert await listed(f"account={center.account}", center.stranger) == []
    assert await listed(f"tag={center.account}") == [opened[0]]
    assert await listed(f"tag={center.account}", center.customer) == opened[::-1]
    assert await listed("status=pending", center.customer) == [opened[1]]
    first = (await center.get("/v1/tickets?limit=2", center.customer)).json()
    rest = (await center.get(f"/v1/tickets?limit=2&after={first['next']}", center.customer)).json()
    assert [each["ticket"] for each in first["tickets"] + rest["tickets"]] == opened[::-1]
    assert rest["next"] is None
    assert {each["unread"] for each in first["tickets"]} == {1}


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "status=lost", "after=x", "after=2026-01-01_x", "tag=%00", "x=1"],
)
async def test_what_is_no_query_is_refused(center: Center, query: str) -> None:
    """With what is wrong with which field."""
    answer = await center.get(f"/v1/tickets?{query}")
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 1)


async def test_words_are_found(center: Center) -> None:
    """By who may read them; the number of a ticket finds it."""
    word = center.account.removeprefix("account-")
    created = await center.open("one", text=f"It says {word} & more of it.")
    (found,) = (await center.get(f"/v1/search?q={word}", center.customer)).json()["found"]
    assert (found["ticket"], found["sequence"]) == (created.subject, 1)
    assert f"<mark>{word}</mark>" in found["headline"]
    assert "&amp; more" in found["headline"]
    assert (await center.get(f"/v1/search?q={word}", center.stranger)).json()["found"] == []
    number = ticket_number(said.ticket_of(created))
    (by_number,) = (await center.get(f"/v1/search?q={number}")).json()["found"]
    assert (by_number["ticket"], by_number["message"]) == (created.subject, None)
    for bad in ("", "q=", "q=%20", f"q={'x' * 201}"):
        assert (await center.get(f"/v1/search?{bad}")).status_code == 422


async def test_a_thread_is_read_from_its_end_on(center: Center) -> None:
    """`previous` leads back, as `next` leads on."""
    url = f"/v1/tickets/{(await center.open('one')).subject}"
    for number in range(2, 6):
        await center.send("POST", f"{url}/messages", text=str(number))
    last = (await center.get(f"{url}?before={2**31 - 1}&limit=2")).json()
    assert ([each["text"] for each in last["messages"]], last["previous"]) == (["4", "5"], 4)
    earlier = (await center.get(f"{url}?before={last['previous']}&limit=5")).json()
    assert [each["sequence"] for each in earlier["messages"]] == [1, 2, 3]
    assert earlier["previous"] is None


async def test_files_are_sent_with_a_message_and_handed_out_alike(center: Center) -> None:
    """By token, or on our pages by a link's cookie; strangers find nothing, and all is said."""
    created = await center.open("one")
    url = f"/v1/tickets/{created.subject}"
    headers = center.customer | {"Idempotency-Key": "k"}
    files = {"files": ("a picture.png", LARGE, "image/png")}
    for _ in range(2):
        sent = await center.client.post(
            f"{url}/messages", data={"text": "Look"}, files=files, headers=headers
        )
        assert sent.status_code == 201
    (file,) = sent.json()["attachments"]
    assert (file["name"], file["complete"]) == ("a picture.png", True)
    by_token = await center.get(f"{url}/attachments/{file['id']}", center.customer)
    page = f"/files/{created.subject}/{file['id']}"
    assert (await center.client.get(page)).status_code == 303  # to the sign-in
    other = await center.open("two")
    await center.client.get(f"/open/{center.token(other, 'two')}")
    assert (await center.client.get(page)).status_code == 404
    await center.client.get(f"/open/{center.token(created, 'one')}")
    by_cookie = await center.client.get(page)
    assert by_cookie.content == by_token.content == LARGE
    for name in ("content-type", "content-disposition", "content-security-policy"):
        assert by_cookie.headers[name] == by_token.headers[name]

    async def parts() -> list[int]:
        servers, namespace = center.desk.stack.bootstrap_servers, center.desk.namespace
        events = await read_events(servers, namespace, Topic.ATTACHMENTS)
        own = [each for each in events if each.subject == created.subject]
        return [each.data.part for each in own if isinstance(each, AttachmentReceived)]

    assert await until(parts, what="the parts are said") == [1, 2]


async def test_what_is_no_message_is_refused(center: Center) -> None:
    """Neither words nor files, unknown fields, or no form at all."""
    url = f"/v1/tickets/{(await center.open('one')).subject}/messages"
    empty = await center.send("POST", url, text="")
    unknown = await center.send("POST", url, text="x", colour="red")
    form = await center.client.post(
        url, data={"colour": "red"}, files={"f": ("a", b"a")}, headers=center.agent
    )
    urlencoded = await center.client.post(url, data={"text": "x"}, headers=center.agent)
    statuses = [each.status_code for each in (empty, unknown, form, urlencoded)]
    assert statuses == [422, 422, 422, 415]
