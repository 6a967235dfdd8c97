"""Files of a ticket over HTTP, handed out part by part: by bearer token, or on our pages."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from services.messaging import access, files, store
from services.messaging.files import File, FileState
from services.messaging.guarded import Guarded
from services.messaging.visitors import Visitor
from shared import problems
from shared.identity import Verifier

SOON = "2"
"""Seconds after which a file that is on its way may be asked for again."""


@dataclass(frozen=True, slots=True)
class Attachments:
    """What the routes need, and the routes."""

    guarded: Guarded
    verifier: Verifier

    async def get_attachment(self, request: Request) -> Response:
        """A file, for who may read the message that it came with."""
        return await self.show(request, Visitor(self.verifier.require(request)))

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The same for a visitor who is known already."""
        ticket = access.ticket_of(request)
        id_ = access.id_of(request, "attachment", "An attachment's id is a UUID.")
        async with self.guarded.reading(visitor) as connection:
            access.allowed(visitor, await store.read_thread(connection, ticket))
            file = await store.read_attachment(connection, ticket, id_, notes=visitor.is_staff)
        file = _whole(file)
        return StreamingResponse(self._content(visitor, file), headers=files.headers(file))

    async def _content(self, visitor: Visitor, file: File) -> AsyncIterator[bytes]:
        """Its parts, and never more than its size, which the reader was told.

        While a slow reader takes one, nothing is held but that.
        """
        after, left = 0, file.size_bytes
        while left and (part := await self._part(visitor, file.id, after)):
            yield part.content[:left]
            after, left = part.part, max(0, left - len(part.content))

    async def _part(self, visitor: Visitor, id_: UUID, after: int) -> store.Part | None:
        async with self.guarded.reading(visitor) as connection:
            return await store.read_part(connection, id_, after=after)


def routes(attachments: Attachments) -> list[Route]:
    """The routes of files."""
    path = "/v1/tickets/{ticket}/attachments/{attachment}"
    return [Route(path, attachments.get_attachment, methods=["GET"])]


def _whole(file: File | None) -> File:
    if file is None:
        raise problems.Problem(404, "Not found", "This ticket has no such attachment.")
    match file.state:
        case FileState.COMPLETE:
            return file
        case FileState.INCOMING:
            detail = "Parts of this file are still on their way."
            headers = {"Retry-After": SOON}
            raise problems.Problem(409, "Not here yet", detail, headers=headers)
        case FileState.BROKEN:
            detail = "This file did not arrive whole. Its sender can send it again."
            raise problems.Problem(410, "Broken", detail)
        case _:
            assert_never(file.state)
