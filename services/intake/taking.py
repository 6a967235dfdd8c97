"""Taking a form: it is taken once the broker has all of it, its files first."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from aiokafka.errors import MessageSizeTooLargeError

from services.intake import sent
from services.intake.records import Sealing, publish_keys
from shared.failpoints import failpoint
from shared.problems import Problem
from shared.publisher import Publishes

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taking:
    """Puts forms on the stream.

    Args:
        publisher: Puts tickets there.
        files: Puts files there, with a deadline of its own: they must not keep tickets waiting.
        sealing: Seals what is personal in them.
        secret: Makes requesters' pseudonyms.
    """

    publisher: Publishes
    files: Publishes
    sealing: Sealing
    secret: str

    async def take(self, form: sent.Sent, *, now: datetime, traceparent: str | None) -> None:
        """Return once all of it is on the stream; the same form again is the same events.

        Raises:
            BrokerAwayError: it may be there or not: it should be sent again.
            Problem: 413, it is larger than the broker takes.
        """
        parts, created = sent.events_of(form, secret=self.secret, now=now, traceparent=traceparent)
        records = self.sealing.records([*parts, created])
        try:
            await publish_keys(self.publisher, records)
            failpoint("intake.form_keys_published")
            # Whoever reads of a file then finds it: the event that names the files is the last.
            *files, named = records.sealed
            if files:
                await self.files.publish(files)
                failpoint("intake.form_files_published")
            await self.publisher.publish([named])
        except MessageSizeTooLargeError:
            raise Problem(413, "Request too large", "Shorten the text.") from None
        failpoint("intake.form_published")
        log.info("form_accepted", ticket=created.subject, files=len(form.files))
