"""The pages that customers live in: their tickets, and each one's conversation."""

from collections.abc import Callable
from uuid import UUID

from starlette.routing import Route

from services.messaging.live import Live
from services.messaging.pages import center
from services.messaging.pages.center import Center
from services.messaging.pages.conversations import Conversations
from services.messaging.pages.doors import Doors
from services.messaging.plans import Plans


def routes(doors: Doors, plans: Plans, live: Live, new_id: Callable[[], UUID]) -> list[Route]:
    """The routes of customers' pages; `/center/live` stands before what takes any name there."""
    return [
        *center.routes(Center(doors, plans, live), doors),
        *_of_one(Conversations(doors, plans, live, new_id)),
    ]


def _of_one(conversations: Conversations) -> list[Route]:
    """The routes of a single ticket."""
    visitors, path = conversations.doors.visitors, "/center/{ticket}"
    return [
        Route(path, visitors(conversations.show), methods=["GET"]),
        Route(f"{path}/chat", visitors(conversations.chat), methods=["GET"]),
        Route(f"{path}/plans", visitors(conversations.upgrade), methods=["GET"]),
        Route(f"{path}/live", visitors(conversations.follow), methods=["GET"]),
        Route(f"{path}/messages", visitors(conversations.post_message), methods=["POST"]),
        Route(f"{path}/status", visitors(conversations.set_status), methods=["POST"]),
        Route(f"{path}/read", visitors(conversations.note_read), methods=["POST"]),
    ]
