"""Files on our pages: handed out as the API does, to who is signed in or has a link."""

from starlette.routing import Route

from services.messaging.attachments_api import Attachments
from services.messaging.pages.doors import Doors


def routes(doors: Doors, attachments: Attachments) -> list[Route]:
    """The route of files."""
    path = "/files/{ticket}/{attachment}"
    return [Route(path, doors.visitors(attachments.show), methods=["GET"])]
