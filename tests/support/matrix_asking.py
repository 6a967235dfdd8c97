"""Asking a route as somebody, and what came back."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx

from shared.tickets import ticket_number
from tests.support.matrix_desk import MatrixDesk
from tests.support.matrix_people import PEOPLE, Brought, Who, session
from tests.support.matrix_table import Gets, Row

MOST = 64 * 1024
"""Bytes of a stream."""
PATIENCE = 2.0
"""Seconds for a stream's first events; one that has nothing to tell stays silent."""
OURS = {"Sec-Fetch-Site": "same-origin"}
FOREIGN = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
_SAYS_WHEN = frozenset({"date", "x-request-id"})
_PATH = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class Answer:
    """What came back, read as far as it goes."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str
    asked: str
    """All that the request itself said: whoever asks by an id may be answered by it."""

    @property
    def location(self) -> str:
        """Where it leads to."""
        return dict(self.headers).get("location", "")

    @property
    def text(self) -> str:
        """All that it says, in small letters."""
        return "\n".join([*(f"{name}: {value}" for name, value in self.headers), self.body]).lower()

    def without(self, *ids: str) -> "Answer":
        """The same with other words for these ids, to be compared."""
        headers, body = self.headers, self.body
        for id_ in sorted(ids, key=len, reverse=True):
            headers = tuple((name, value.replace(id_, "…")) for name, value in headers)
            body = body.replace(id_, "…")
        return Answer(self.status, headers, body, "")


@dataclass(frozen=True)
class Asking:
    """How a row is asked."""

    proof: str | None = None
    """Instead of their own."""
    headers: dict[str, str] | None = None
    """Instead of a browser's on our own pages."""
    method: str | None = None
    ids: dict[str, str] | None = None
    """Instead of those that there are."""


PLAIN = Asking()


async def ask(desk: MatrixDesk, row: Row, who: Who, how: Asking = PLAIN) -> Answer:
    """Ask a route as somebody."""
    ids = desk.ids | (how.ids or {})
    brought = await _brought(desk, row, who) if how == PLAIN else desk.brought[who]
    method = how.method or row.method
    url = _PATH.sub(lambda found: ids[row.ids.get(found[1], found[1])], row.path)
    query = _filled(row.query, ids, who)
    given: dict[str, Any] = {"headers": (OURS if how.headers is None else how.headers)}
    given["headers"] = {**given["headers"], **brought.headers}
    if row.takes_form:
        form = {name: _filled(value, ids, who) for name, value in (row.form or {}).items()}
        proof = brought.proof if how.proof is None else how.proof
        form |= {"proof": proof} if proof and row.proven else {}
        given["content"] = urlencode(form)
        given["headers"]["Content-Type"] = "application/x-www-form-urlencoded"
    elif row.json is not None:
        given["json"] = {
            name: _filled(value, ids, who) if isinstance(value, str) else value
            for name, value in row.json.items()  # type: ignore[attr-defined]  # objects all of them
        }
    asked = f"{url}?{query} {given.get('content')} {given.get('json')}"
    request = desk.client.build_request(method, f"{url}?{query}" if query else url, **given)
    return await _read(desk.client, request, asked, streams=row.streams and method != "HEAD")


async def _brought(desk: MatrixDesk, row: Row, who: Who) -> Brought:
    if row.ends_session and who in PEOPLE:
        return await session(desk.database, PEOPLE[who])
    return desk.brought[who]


def _filled(text: str, ids: dict[str, str], who: Who) -> str:
    return _PATH.sub(lambda found: who.value if found[1] == "who" else ids[found[1]], text)


async def _read(
    client: httpx.AsyncClient, request: httpx.Request, asked: str, *, streams: bool
) -> Answer:
    response = await client.send(request, stream=True)
    body = b""
    try:
        if streams and response.status_code == 200:
            body = await _first_events(response)
        else:
            body = await response.aread()
    finally:
        await response.aclose()
    headers = tuple(
        sorted((name, value) for name, value in response.headers.items() if name not in _SAYS_WHEN)
    )
    return Answer(response.status_code, headers, body.decode(), asked)


async def _first_events(response: httpx.Response) -> bytes:
    """What a stream says at first: until its first event is whole, or it stays silent."""
    body = b""
    try:
        async with asyncio.timeout(PATIENCE):
            async for piece in response.aiter_raw():
                body += piece
                if (b"event:" in body and body.endswith(b"\n\n")) or len(body) > MOST:
                    break
    except TimeoutError:
        pass
    return body


REFUSALS = {401: Gets.NO_TOKEN, 403: Gets.FORBIDDEN, 404: Gets.HIDDEN}


def judge(row: Row, answer: Answer) -> Gets | str:
    """What it is that somebody was answered; the answer itself where it is nothing known."""
    if answer.status in REFUSALS:
        return REFUSALS[answer.status]
    if answer.location.startswith("/sign-in"):
        return Gets.SIGN_IN
    if answer.location.startswith("/inbox") and row.method == "GET":
        return Gets.INBOX
    if answer.status in row.gives:
        return Gets.IN
    return f"{answer.status} {answer.location} {answer.body[:300]}"


def numbers(*tickets: str) -> list[str]:
    """Tickets' ids, and what people call them."""
    return [*tickets, *(ticket_number(UUID(each)) for each in tickets)]


async def ask_all(desk: MatrixDesk, row: Row) -> dict[Who, Answer]:
    """What everybody is answered, all at once."""
    answers = await asyncio.gather(*(ask(desk, row, who) for who in Who))
    return dict(zip(Who, answers, strict=True))
