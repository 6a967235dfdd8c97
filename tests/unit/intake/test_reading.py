"""Forms as they come in: who sends files slowly keeps nobody from sending words."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.requests import Request

from services.intake import reading
from shared import forms
from shared.problems import Problem

OURS = "https://desk.careline.example"
Message = dict[str, object]


def request(length: int | None, receive: Callable[[], Awaitable[Message]] | None = None) -> Request:
    """A form that says how long it is, or doesn't."""

    async def whole() -> Message:
        return {"type": "http.request", "body": b"text=Hello", "more_body": False}

    headers = {"content-type": "application/x-www-form-urlencoded", "origin": OURS}
    if length is not None:
        headers["content-length"] = str(length)
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope: Message = {"type": "http", "method": "POST", "path": "/request", "headers": raw}
    scope |= {"server": ("localhost", 80), "scheme": "http", "query_string": b""}
    return Request(scope, receive or whole)


async def test_words_do_not_wait_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """While all places are taken small forms come in; others are told to come back."""
    monkeypatch.setattr(reading, "WAIT_SECONDS", 0.01)
    places = asyncio.Semaphore(1)
    await places.acquire()
    assert (await reading.read(request(10), places, OURS)).first("text") == "Hello"
    for length in (forms.LARGE + 1, None):
        with pytest.raises(Problem) as refused:
            await reading.read(request(length), places, OURS)
        assert refused.value.status == 503
    places.release()
    assert (await reading.read(request(None), places, OURS)).first("text") == "Hello"
    assert not places.locked()


async def test_what_comes_too_slowly_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """408, and its place is free again."""
    monkeypatch.setattr(reading, "READ_SECONDS", 0.01)
    places, never = asyncio.Semaphore(1), asyncio.Event()

    async def nothing() -> Message:
        await never.wait()
        return {}

    for length in (10, None):
        with pytest.raises(Problem) as refused:
            await reading.read(request(length, nothing), places, OURS)
        assert refused.value.status == 408
    assert not places.locked()


async def test_what_another_site_sends_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before it waits for one."""
    monkeypatch.setattr(reading, "WAIT_SECONDS", 0.01)
    places = asyncio.Semaphore(1)
    await places.acquire()
    with pytest.raises(Problem) as refused:
        await reading.read(request(None), places, "https://elsewhere.example")
    assert refused.value.status == 403
