"""All pages of agents and leads."""

from starlette.routing import Route

from services.messaging.pages import (
    bulk,
    canned,
    inbox,
    lead,
    saved_views,
    searching,
    ticket,
    ticket_forms,
)
from services.messaging.pages.desk import Desk


def routes(desk: Desk) -> list[Route]:
    """Where they are; `/inbox/live` is no ticket, and so comes before them."""
    return [
        *inbox.routes(desk),
        *bulk.routes(desk),
        *ticket_forms.routes(desk),
        *ticket.routes(desk),
        *saved_views.routes(desk),
        *canned.routes(desk),
        *lead.routes(desk),
        *searching.routes(desk),
    ]
