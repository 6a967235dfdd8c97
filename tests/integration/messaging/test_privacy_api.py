"""Forgetting people over HTTP: who may ask, what is answered, and what no answer or log repeats."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from shared.envelope import Topic
from shared.identity import requester_id
from shared.privacy import ErasureRequested
from tests.support import said
from tests.support.desk import SECRET, Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import publish, read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)  # more than all waits of a test together

PATH = "/v1/privacy/erasures"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of which messaging runs, for all tests of this module; each has its own people."""
    with running_desk(stack, tmp_path_factory.mktemp("privacy")) as made:
        made.start("messaging")
        yield made


@dataclass(frozen=True)
class Asking:
    """The routes, as an admin reaches them, and somebody to be forgotten."""

    desk: Desk
    client: httpx.AsyncClient
    address: str

    @property
    def requester(self) -> str:
        """Their pseudonym."""
        return requester_id(self.address, secret=SECRET)

    async def post(self, role: str | None = "admin", **body: object) -> httpx.Response:
        """Ask for an erasure."""
        headers = {} if role is None else self.desk.bearer(role)
        return await self.client.post(PATH, json=body, headers=headers)

    async def get(self, path: str, role: str | None = "admin") -> httpx.Response:
        """Read."""
        headers = {} if role is None else self.desk.bearer(role)
        return await self.client.get(path, headers=headers)

    async def listed(self) -> list[str]:
        """The ids of the last erasures."""
        return [each["erasure"] for each in (await self.get(PATH)).json()["erasures"]]

    async def open(self, key: str) -> str:
        """A request of theirs whose thread is open; returns the ticket."""
        created = said.ticket_created(f"{self.address} {key}", requester=self.requester)
        await publish(self.desk.stack.bootstrap_servers, self.desk.namespace, [created])

        async def is_there() -> bool:
            return (await self.get(f"/v1/tickets/{created.subject}", "agent")).status_code == 200

        await until(is_there, what="the thread")
        return created.subject

    async def done(self, asked: httpx.Response) -> dict[str, Any]:
        """The report, once messaging has done its part."""

        async def read() -> dict[str, Any] | None:
            report: dict[str, Any] = (await self.get(asked.headers["Location"])).json()
            return report if "messaging" in report["erased"] else None

        return await until(read, what="it is done")


@pytest.fixture
async def asking(desk: Desk) -> AsyncIterator[Asking]:
    """Somebody whom nobody else's test knows."""
    await desk.ready("messaging")
    async with httpx.AsyncClient(base_url=desk.url("messaging"), timeout=30) as client:
        yield Asking(desk, client, f"Marker.{secrets.token_hex(6)}@customer.example")


async def test_admins_alone_ask_and_read(asking: Asking) -> None:
    """Nobody else learns even whether there is such an erasure."""
    for role, status in ((None, 401), ("customer", 403), ("agent", 403), ("lead", 403)):
        answers = (
            await asking.post(role, address=asking.address),
            await asking.get(PATH, role),
            await asking.get(f"{PATH}/00000000-0000-0000-0000-000000000000", role),
        )
        assert [answer.status_code for answer in answers] == [status] * 3
        assert all(answer.headers["content-type"] == PROBLEM for answer in answers)


async def test_a_preview_changes_nothing(asking: Asking) -> None:
    """It says under which ids somebody is known and what there is; all of it stays."""
    ticket = await asking.open("one")
    preview = await asking.post(address=asking.address, preview=True)
    assert (preview.status_code, preview.json()) == (
        200,
        {"persons": [asking.requester], "there_is": {"tickets": 1, "messages": 1}},
    )
    thread = (await asking.get(f"/v1/tickets/{ticket}", "agent")).json()
    assert [message["text"] for message in thread["messages"]] == ["Help!"]
    listed = (await asking.get(PATH)).json()["erasures"]
    assert asking.requester not in {person for each in listed for person in each["persons"]}


@pytest.mark.parametrize("written", [str.upper, str.lower, "  {}\t".format])
async def test_somebody_is_found_however_their_address_is_written(
    asking: Asking, written: Callable[[str], str]
) -> None:
    """In capitals, in small letters, with spaces around it: it is one pseudonym."""
    preview = await asking.post(address=written(asking.address), preview=True)
    assert preview.json()["persons"] == [asking.requester]


async def test_an_address_that_no_form_would_take_is_found(asking: Asking) -> None:
    """Mails come from machines in domains of their own, too."""
    address = "marker@printer.local"
    preview = await asking.post(address=address, preview=True)
    assert preview.status_code == 200
    assert requester_id(address, secret=SECRET) in preview.json()["persons"]


async def test_who_asked_is_logged_and_the_address_is_repeated_nowhere(asking: Asking) -> None:
    """Neither in answers, nor in the log, the tables or the event that tells others."""
    await asking.open("one")
    asked = await asking.post(address=asking.address)
    assert asked.status_code == 202
    erasure = asked.json()["erasure"]
    assert asked.headers["Location"] == f"{PATH}/{erasure}"
    assert (asked.json()["asked_by"], asked.json()["state"]) == ("a-admin", "under_way")
    report = await asking.done(asked)
    assert report["erased"]["messaging"] == {"messages": 1, "tickets": 1}
    assert report["waits_for"] == ["notifier"]
    (told,) = [line for line in asking.desk.log("messaging") if _tells(line, erasure)]
    assert told["by"] == "a-admin"
    events = await read_events(
        asking.desk.stack.bootstrap_servers, asking.desk.namespace, Topic.PRIVACY
    )
    requests = [event for event in events if isinstance(event, ErasureRequested)]
    (event,) = [each for each in requests if str(each.data.erasure) == erasure]
    assert event.data.persons == (asking.requester,)
    rows = await asking.desk.query("messaging", "SELECT erasures::text AS row FROM erasures")
    log = (asking.desk.folder / "messaging.log").read_text()
    everything = [asked.text, str(report), log, str(event), *(row["row"] for row in rows)]
    assert not [each for each in everything if asking.address.lower() in each.lower()]


async def test_asked_again_later_it_is_done_again(asking: Asking) -> None:
    """What they wrote since goes, too; what is gone is not counted once more."""
    first = await asking.done(await asking.post(address=asking.address))
    ticket = await asking.open("came back")
    second = await asking.done(await asking.post(address=asking.address))
    assert first["erased"]["messaging"] == {}
    assert second["erasure"] != first["erasure"]
    assert second["erased"]["messaging"] == {"messages": 1, "tickets": 1}
    thread = (await asking.get(f"/v1/tickets/{ticket}", "agent")).json()
    assert [message["text"] for message in thread["messages"]] == [""]


async def test_erasures_are_listed_page_by_page(asking: Asking) -> None:
    """The latest first, each once, whatever the size of a page."""
    asked = [
        (await asking.post(person=f"r-{asking.requester[2:]}-{number}")).json()["erasure"]
        for number in range(3)
    ]
    whole = await asking.listed()
    assert whole[:3] == asked[::-1]
    found, path = list[str](), f"{PATH}?limit=2"
    while path:
        page = (await asking.get(path)).json()
        assert len(page["erasures"]) <= 2
        found += [each["erasure"] for each in page["erasures"]]
        path = page.get("next", "")
    assert found == whole


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"address": "marker no address"}, 422),
        ({"address": "Marker <marker@customer.example>"}, 422),
        ({"address": "marker@customer.example", "preview": "marker"}, 422),
        ({"address": "marker@customer.example", "by": "marker"}, 422),
        ({"person": "staff"}, 422),
        ({"person": "marker\x00"}, 422),
        ({"person": "Marker, a name"}, 404),
        ({"person": "marker@customer.example"}, 404),
        ({"person": "marker@customer.example", "preview": True}, 404),
    ],
)
async def test_what_names_nobody_is_refused_and_not_repeated(
    asking: Asking, body: dict[str, object], status: int
) -> None:
    """An id of nobody would stand on the stream for years, and it may be a name."""
    before = await asking.listed()
    headers = asking.desk.bearer("admin")
    refused = await asking.client.post(PATH, json=body, headers=headers)
    assert (refused.status_code, refused.headers["content-type"]) == (status, PROBLEM)
    assert "marker" not in refused.text.lower()
    assert await asking.listed() == before


async def test_what_is_no_json_is_refused(asking: Asking) -> None:
    """400, and nothing of it is repeated."""
    headers = asking.desk.bearer("admin") | {"Content-Type": "application/json"}
    refused = await asking.client.post(PATH, content=b'{"address": marker', headers=headers)
    assert (refused.status_code, refused.headers["content-type"]) == (400, PROBLEM)
    assert "marker" not in refused.text


async def test_an_erasure_that_there_is_not(asking: Asking) -> None:
    """404, as for what is no id at all."""
    for id_ in ("00000000-0000-0000-0000-000000000000", "no-id"):
        answer = await asking.get(f"{PATH}/{id_}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


async def test_a_proved_address_leads_to_a_sign_in_and_a_claimed_one_does_not(
    asking: Asking,
) -> None:
    """Whoever says that somebody's address is theirs is not forgotten with them; nor are we."""
    await asking.desk.query(
        "messaging",
        """
        INSERT INTO people (subject, address, address_verified, roles, seen_at) VALUES
            ($1 || '-proved', upper($2), true, '{customer}', now()),
            ($1 || '-claimed', $2, false, '{customer}', now()),
            ($1 || '-staff', $2, true, '{agent}', now())
        """,
        asking.requester,
        asking.address,
    )
    proved = f"{asking.requester}-proved"
    expected = [asking.requester, proved]
    by_address = await asking.post(address=asking.address, preview=True)
    assert by_address.json()["persons"] == expected
    by_person = await asking.post(person=proved, preview=True)
    assert by_person.json()["persons"] == expected
    assert (await asking.post(person=f"{asking.requester}-staff")).status_code == 409


def _tells(line: dict[str, Any], erasure: str) -> bool:
    return line.get("event") == "erasure_asked" and line.get("erasure") == erasure
