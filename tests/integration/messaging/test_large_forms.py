"""Forms with files: so many come in at once, whoever sends them, and words don't wait for them."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from services.messaging.pages import doors
from shared import forms
from shared.database import Database
from tests.support import said
from tests.support.center_desk import CenterDesk, proof_in, serving_center, ticket_path
from tests.support.inbox import shown
from tests.support.waiting import until

BOUNDARY = "a-boundary"


@pytest.fixture
async def desk(dsn: str) -> AsyncIterator[CenterDesk]:
    """Customers' pages."""
    async with serving_center(dsn) as serving:
        yield serving


def _body(proof: str, key: str) -> bytes:
    begins = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    fields = {"proof": proof, "key": key, "text": key}
    parts = [f'{begins}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    content = "x" * (forms.LARGE + 1)
    file = f'{begins}"files"; filename="a"\r\n\r\n{content}\r\n--{BOUNDARY}--\r\n'
    return "".join([*parts, file]).encode()


class _Slowly:
    """A body whose end comes when it may."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.may_end = asyncio.Event()
        self.has_begun = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.body[:1000]
        self.has_begun = True
        await self.may_end.wait()
        yield self.body[1000:]


async def test_so_many_large_forms_come_in_at_once(
    desk: CenterDesk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is told to come back, a message without files is taken; then all are."""
    monkeypatch.setattr(doors, "WAIT_SECONDS", 0.2)
    created = await desk.open_ticket()
    path = ticket_path(created, "/messages")
    async with desk.client() as client:
        proof = proof_in(await client.get(ticket_path(created)))
        slow = [_Slowly(_body(proof, f"large {number}")) for number in range(doors.MOST_LARGE)]
        sending = [asyncio.create_task(_send(client, path, each)) for each in slow]
        await until(lambda: all(each.has_begun for each in slow), what="all have begun")
        over = _Slowly(_body(proof, "one more"))
        over.may_end.set()
        # The server sees those that have begun before this one: they came before it.
        refused = await _send(client, path, over)
        small = await client.post(path, data={"proof": proof, "key": "s", "text": "small"})
        for each in slow:
            each.may_end.set()
        taken = await asyncio.gather(*sending)
        again = await _send(client, path, over)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert small.status_code == 303
    assert [each.status_code for each in (*taken, again)] == [303] * (doors.MOST_LARGE + 1)
    texts = (await shown(database, said.ticket_of(created))).texts
    large = {f"large {number}" for number in range(doors.MOST_LARGE)}
    assert sorted(texts) == sorted({"Help!", "small", "one more"} | large)


async def _send(client: httpx.AsyncClient, path: str, body: _Slowly) -> httpx.Response:
    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(body.body)),
    }
    return await client.post(path, content=body, headers=headers)
