"""What may be asked: the same rules for the JSON API and for the form."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, EmailStr, StringConstraints

from shared import web
from shared.messages import Channel
from shared.plans import Priority

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]*$")
]
"""One line of text: no control characters, so that it can stand in a mail's header."""

QUEUE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
"""What a queue may be called."""
LOCALE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
LONGEST_SUBJECT = 200
"""Characters."""


class Requester(BaseModel):
    """Who asks."""

    model_config = ConfigDict(extra="forbid")

    address: Annotated[EmailStr, StringConstraints(max_length=254)]
    name: Annotated[Line, StringConstraints(max_length=200)] | None = None


class TicketRequest(BaseModel):
    """The body of `POST /v1/tickets`, and what the form comes to."""

    model_config = ConfigDict(extra="forbid")

    requester: Requester
    account: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None
    ) = None
    queue: Annotated[str, StringConstraints(pattern=QUEUE)] = "support"
    subject: Annotated[Line, StringConstraints(max_length=LONGEST_SUBJECT)]
    text: web.StorableText
    channel: Channel = Channel.API
    priority: Priority = Priority.NORMAL
    locale: Annotated[str, StringConstraints(pattern=LOCALE)] = "en"
    time_zone: web.TimeZone = "UTC"
