"""PagerDuty, by version 2 of its Events API."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from services.notifier.channels.http import Request, Response, judge
from services.notifier.deliveries import Answer, Content, Delivery

EVENTS = "https://events.pagerduty.com/v2/enqueue"


@dataclass(frozen=True, slots=True)
class PagerDutyDialect:
    """Puts the key into what is posted, so that it stands in nothing that is kept."""

    routing_key: str = field(repr=False)
    url: str = EVENTS

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key."""
        return (self.routing_key,)

    def request(self, delivery: Delivery, content: Content, *, now: datetime) -> Request:  # noqa: ARG002 - the shape of `Dialect`
        """The content with the key."""
        body = {"routing_key": self.routing_key, **json.loads(content.body)}
        return Request(self.url, {"content-type": content.media_type}, json.dumps(body).encode())

    def answer(self, response: Response, words: str) -> Answer:
        """A wrong key or event stays wrong."""
        return judge(response, words, is_final=lambda _: True)
