"""Who may see a ticket over HTTP, and what strangers are told."""

from uuid import UUID

from starlette.requests import Request

from services.messaging import domain
from services.messaging.visitors import Visitor
from shared import problems


def allowed(visitor: Visitor, thread: domain.Thread | None) -> domain.Thread:
    """The thread, if there is one that this visitor may read.

    Raises:
        Problem: 404; a stranger is told that there is none.
    """
    if thread is None or not domain.may_read(visitor, thread):
        raise problems.Problem(
            404,
            "Not found",
            "There is no such ticket. One that was accepted a moment ago is here in a moment.",
            headers={"Retry-After": "1"},
        )
    return thread


def ticket_of(request: Request) -> UUID:
    """The ticket that a path names.

    Raises:
        Problem: 404 when that is no ticket's id.
    """
    return id_of(request, "ticket", "A ticket's id is a UUID.")


def id_of(request: Request, name: str, otherwise: str) -> UUID:
    """An id in a path.

    Raises:
        Problem: 404 with `otherwise` when it is no UUID.
    """
    try:
        return UUID(request.path_params[name])
    except ValueError:
        raise problems.Problem(404, "Not found", otherwise) from None
