"""Taking a form: it is taken once the broker has all of it, its files first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from aiokafka.errors import MessageSizeTooLargeError

from services.intake import sent
from shared import events
from shared.failpoints import failpoint
from shared.problems import Problem
from shared.publisher import Outgoing, Publishes
from shared.topics import topic_name

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taking:
    """Puts forms on the stream.

    Args:
        publisher: Puts tickets there.
        files: Puts files there, with a deadline of its own: they must not keep tickets waiting.
        namespace: Of the topics.
        secret: Makes requesters' pseudonyms.
    """

    publisher: Publishes
    files: Publishes
    namespace: str
    secret: str

    async def take(self, form: sent.Sent, *, now: datetime, traceparent: str | None) -> None:
        """Return once all of it is on the stream; the same form again is the same events.

        Raises:
            BrokerAwayError: it may be there or not: it should be sent again.
            Problem: 413, it is larger than the broker takes.
        """
        parts, created = sent.events_of(form, secret=self.secret, now=now, traceparent=traceparent)
        try:
            # Whoever reads of a file then finds it: the event that names the files is the last.
            if parts:
                await self.files.publish(self._records(parts))
                failpoint("intake.form_files_published")
            await self.publisher.publish(self._records([created]))
        except MessageSizeTooLargeError:
            raise Problem(413, "Request too large", "Shorten the text.") from None
        failpoint("intake.form_published")
        log.info("form_accepted", ticket=created.subject, files=len(form.files))

    def _records(self, said: Sequence[events.Event]) -> list[Outgoing]:
        return [
            Outgoing(
                topic=topic_name(self.namespace, event.TOPIC),
                key=event.subject.encode(),
                value=events.write(event),
                headers=events.HEADERS,
            )
            for event in said
        ]
