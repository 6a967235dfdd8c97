"""Reading a form as it comes in: few with files at once, and not for ever."""

import asyncio

from starlette.requests import Request

from shared import forms, problems
from shared.forms import Form
from shared.problems import Problem

WAIT_SECONDS = 20.0
"""For a place among those with files that are read."""
READ_SECONDS = 300.0
"""For a form with its files to come in."""


async def read(request: Request, places: asyncio.Semaphore, origin: str) -> Form:
    """What a form of ours sent.

    Args:
        request: Not read yet.
        places: One for each form with files that may be read at once; others need none.
        origin: Under which browsers know the form.

    Raises:
        FilesTooLarge: 413, the files are too many or too large.
        Problem: 403 from another site, 413 over a limit, 400 for what is no form, 503 where no
            place gets free, 408 for what comes in too slowly.
    """
    forms.refuse_other_sites(request, others=[origin])
    if not forms.may_be_large(request):
        return await _read_in_time(request, origin)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await places.acquire()
    except TimeoutError:
        raise problems.unavailable("Too many requests come in just now.") from None
    try:
        return await _read_in_time(request, origin)
    finally:
        places.release()


async def _read_in_time(request: Request, origin: str) -> Form:
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await forms.read_form(request, others=[origin])
    except TimeoutError:
        raise Problem(408, "Request too slow", "The form took too long to arrive.") from None
