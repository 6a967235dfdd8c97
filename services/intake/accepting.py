"""One mail, whichever way it came: read, judged, counted, and taken once the broker has it.

250 stands for all records of the mail on the stream. Whoever hears anything from 400 on keeps the
mail: below 500 to send it again, which is the same ticket or the same reply, since all ids derive
from the mail itself.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import assert_never
from uuid import UUID

import structlog
from aiokafka.errors import MessageSizeTooLargeError

from services.intake import received
from services.intake.limits import Caps
from services.intake.mail import reading as mail
from services.intake.mail import rules as mail_rules
from services.intake.records import Records, Sealing, publish_keys
from services.intake.turns import Turn
from shared import metrics, tracing
from shared.failpoints import failpoint
from shared.faults import BrokerAwayError
from shared.publisher import Publishes

log = structlog.get_logger(__name__)


WAIT_SECONDS = 60.0
"""For a free place, before a mail is put off."""
JUDGE_SECONDS = 60.0
"""For reading a mail and deciding about it, before it is put off."""


class Outcome(StrEnum):
    """What became of a mail."""

    TICKET = "ticket"
    REPLY = "reply"
    BOUNCE = "bounce"
    REFUSED = "refused"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What whoever brought the mail is told."""

    outcome: Outcome
    code: int
    enhanced: str
    reason: str
    cause: str
    """One word, for logs and metrics."""

    @property
    def for_all(self) -> bool:
        """Whether any other mail would hear the same now."""
        return self.cause in ("broker", "busy")

    @property
    def line(self) -> str:
        """As SMTP says it."""
        return f"{self.code} {self.enhanced} {self.reason}"


@dataclass(frozen=True, slots=True)
class _Judged:
    """A mail that is to be taken, if the caps allow it."""

    outcome: Outcome
    stranger: str | None
    """The pseudonym of a sender who proved nothing; none for replies and bounces."""
    ticket: UUID | None
    records: Records


@dataclass(frozen=True, slots=True)
class MailIntake:
    """Takes mails.

    Args:
        publisher: Puts records on the stream, with a deadline of its own for mails.
        away: Why nothing can be published now, or None.
        clock: The present.
        desk: What a mail is judged by.
        limits: Of a mail and its parts.
        caps: How many mails an hour.
        sealing: Seals what is personal in them.
        places: How many mails are read at once.
        judge_seconds: For reading a mail and deciding about it.
    """

    publisher: Publishes
    away: Callable[[], str | None]
    clock: Callable[[], datetime]
    desk: mail_rules.MailDesk
    limits: mail.MailLimits
    caps: Caps
    sealing: Sealing
    places: asyncio.Semaphore
    judge_seconds: float = JUDGE_SECONDS

    @property
    def most_bytes(self) -> int:
        """Of one mail."""
        return self.limits.mail_bytes

    def not_now(self, host: str | None) -> Verdict | None:
        """Why a mail from there would be put off, before it is sent, or None."""
        if self.away() is not None:
            return _put_off("broker")
        network = self.caps.network(host)
        if network is not None and not self.caps.networks.allows(network, self.clock()):
            return _put_off("network_cap")
        return None

    async def accept(
        self, content: bytes, envelope: mail_rules.Envelope, *, host: str | None = None
    ) -> Verdict:
        """Take a mail, or say why not. It never raises for anything about the mail.

        Args:
            content: The mail, as it came.
            envelope: From whom, to whom, and by which way.
            host: The address of who brought it; none for our own machines.
        """
        source, started = envelope.source, time.perf_counter()
        with (
            metrics.MAILS_IN_FLIGHT.labels(source).track_inprogress(),
            tracing.span("accept mail", "server", attributes={"careline.source": source}),
        ):
            verdict = self.not_now(host) or await self._taken(content, envelope, host)
            tracing.note({"careline.outcome": verdict.outcome, "careline.cause": verdict.cause})
        metrics.MAIL_SECONDS.labels(source).observe(time.perf_counter() - started)
        metrics.MAILS.labels(source, verdict.outcome).inc()
        return verdict

    async def _taken(
        self, content: bytes, envelope: mail_rules.Envelope, host: str | None
    ) -> Verdict:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self.places.acquire()
        except TimeoutError:
            return _put_off("busy")
        turn = Turn(self.places)
        try:
            return await self._decided(content, envelope, host, turn)
        except BrokerAwayError:
            return _put_off("broker")
        except MessageSizeTooLargeError:
            return _TOO_LARGE
        except Exception:  # a mistake of ours must not lose a mail: its sender keeps it
            log.exception("mail_failed", source=envelope.source)
            return _put_off("mistake")
        finally:
            turn.leave()

    def not_read(self, source: str, host: str | None, outcome: Outcome) -> None:
        """Note a mail that was given up on its way, from there and with that outcome."""
        self._count_network(host, self.clock())
        metrics.MAILS.labels(source, outcome).inc()

    def refuse_large(self, source: str) -> Verdict:
        """What is told of a mail that is too large to be read at all."""
        metrics.MAILS.labels(source, Outcome.REFUSED).inc()
        log.info("mail_refused", source=source, cause=_TOO_LARGE.cause)
        return _TOO_LARGE

    async def _decided(
        self, content: bytes, envelope: mail_rules.Envelope, host: str | None, turn: Turn
    ) -> Verdict:
        now = self.clock()
        # Asked again, since it may have waited long; and what is refused later has cost as much.
        if (not_now := self.not_now(host)) is not None:
            return not_now
        self._count_network(host, now)
        try:
            # A large one takes seconds, in which others want their answers.
            judge = partial(self._judge, content, envelope, now, tracing.traceparent())
            judged = await turn.use(judge, seconds=self.judge_seconds)
        except TimeoutError:
            return _put_off("slow")
        if isinstance(judged, Verdict):
            log.info("mail_refused", source=envelope.source, cause=judged.cause)
            return judged
        if (over := self._over(judged, host, now)) is not None:
            return _put_off(over)
        await publish_keys(self.publisher, judged.records)
        failpoint("intake.mail_keys_published")
        # Whoever reads of a file then finds it: the event that names the files is the last.
        *files, named = judged.records.sealed
        if files:
            await self.publisher.publish(files)
            failpoint("intake.mail_files_published")
        await self.publisher.publish([named])
        failpoint("intake.mail_published")
        self._count(judged, host, now)
        log.info(
            "mail_accepted",
            source=envelope.source,
            outcome=judged.outcome,
            ticket=None if judged.ticket is None else str(judged.ticket),
            records=len(judged.records.sealed),
        )
        return Verdict(judged.outcome, 250, "2.0.0", "Taken", "taken")

    def _judge(
        self,
        content: bytes,
        envelope: mail_rules.Envelope,
        now: datetime,
        traceparent: str | None = None,
    ) -> "_Judged | Verdict":
        """What a mail is; pure, and run in a thread."""
        try:
            read = mail.read_mail(content, self.limits)
        except mail.MailRefusedError as refused:
            return _refused(refused)
        judgement = mail_rules.judge(read, envelope=envelope, desk=self.desk)
        if isinstance(judgement, mail_rules.RefusedMail):
            return _refused(judgement)
        said = received.events_of(judgement, read, now=now, traceparent=traceparent)
        records = self.sealing.records(said)
        match judgement:
            case mail_rules.NewTicket():
                return _Judged(Outcome.TICKET, judgement.requester, judgement.ticket, records)
            case mail_rules.Reply():
                return _Judged(Outcome.REPLY, None, judgement.ticket, records)
            case mail_rules.Bounce():
                return _Judged(Outcome.BOUNCE, None, None, records)
            case _:
                assert_never(judgement)

    def _over(self, judged: "_Judged", host: str | None, now: datetime) -> str | None:
        """Which cap a mail is over, or None."""
        stranger = self._stranger(judged, host)
        if stranger is not None and not self.caps.addresses.allows(stranger, now):
            return "address_cap"
        if judged.ticket is not None and not self.caps.threads.allows(str(judged.ticket), now):
            return "thread_cap"
        return None

    def _count(self, judged: "_Judged", host: str | None, now: datetime) -> None:
        if (stranger := self._stranger(judged, host)) is not None:
            self.caps.addresses.add(stranger, now)
        if judged.ticket is not None:
            self.caps.threads.add(str(judged.ticket), now)

    def _stranger(self, judged: "_Judged", host: str | None) -> str | None:
        """Whose mail it is where that is not proved: who forges an address uses up only their own.

        Not the network's alone, from which many write.
        """
        if judged.stranger is None:
            return None
        return f"{judged.stranger} {self.caps.network(host) or ''}"

    def _count_network(self, host: str | None, now: datetime) -> None:
        if (network := self.caps.network(host)) is not None:
            self.caps.networks.add(network, now)


def _refused(refusal: "mail.MailRefusedError | mail_rules.RefusedMail") -> Verdict:
    return Verdict(Outcome.REFUSED, refusal.code, refusal.enhanced, refusal.reason, refusal.cause)


def _put_off(cause: str) -> Verdict:
    """451 for whatever may pass."""
    enhanced = "4.7.1" if cause.endswith("_cap") else "4.3.0"
    log.info("mail_deferred", cause=cause)
    return Verdict(Outcome.DEFERRED, 451, enhanced, _WHY_NOT_NOW[cause], cause)


_WHY_NOT_NOW = {
    "broker": "We can't keep it just now; try again later",
    "busy": "Too many mails at once; try again later",
    "mistake": "Something went wrong here; try again later",
    "network_cap": "Too many mails from your network; try again later",
    # In the same words: nobody learns whether they were let into a thread.
    "address_cap": "Too many mails like this one; try again later",
    "thread_cap": "Too many mails like this one; try again later",
    "slow": "It can't be read just now; try again later",
}
_TOO_LARGE = Verdict(Outcome.REFUSED, 552, "5.3.4", "The mail is too large", "too_large")
