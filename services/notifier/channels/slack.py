"""Slack's incoming webhooks, and what others offer in their manner."""

import re
from dataclasses import dataclass
from datetime import datetime

from services.notifier.channels.http import Request, Response, judge, refused
from services.notifier.deliveries import Accepted, Answer, Content, Delivery

_BEGINNINGS = (
    "<",  # a page
    "action_prohibited",
    "channel_",  # channel_not_found, channel_is_archived
    "invalid_",  # invalid_token, invalid_payload
    "no_",  # no_service, no_team, no_text, no_active_hooks
    "posting_to_",  # posting_to_general_channel_denied
    "user_not_found",
)
_NOT_OK = re.compile(r'"(?:ok|success)"\s*:\s*false')
"""Of what answers in JSON."""


@dataclass(frozen=True, slots=True)
class SlackDialect:
    """Posts to an address that is a secret by itself."""

    url: str

    def __repr__(self) -> str:
        """Without the address."""
        return "SlackDialect()"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The address."""
        return (self.url,)

    def request(self, delivery: Delivery, content: Content, *, now: datetime) -> Request:  # noqa: ARG002 - the shape of `Dialect`
        """The content as it is."""
        return Request(self.url, {"content-type": content.media_type}, content.body)

    def answer(self, response: Response, words: str) -> Answer:
        """Any 2xx is a yes, but for what is known to be none; and that is never for good.

        Slack says `ok`, and others who offer the same say other things, or nothing. Some say what
        is wrong under a 200, and a proxy there asks to sign in: both may be mended.
        """
        answer = judge(response, words, is_final=lambda _: True)
        if isinstance(answer, Accepted) and _is_no(words):
            return refused(response, words, for_good=False)
        return answer


def _is_no(words: str) -> bool:
    """Whether a body that came with a 2xx says that nothing was taken."""
    text = words.lower()
    return text.startswith(_BEGINNINGS) or _NOT_OK.search(text) is not None
