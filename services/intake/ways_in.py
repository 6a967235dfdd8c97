"""The ways in for mail that the settings turn on, as parts of the service."""

import asyncio
import ssl
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import structlog

from services.intake.accepting import MailIntake
from services.intake.imap.mailbox import Account
from services.intake.imap.poller import ImapPoller
from services.intake.limits import Caps, HourlyCap
from services.intake.mail import reading as mail
from services.intake.mail import rules as mail_rules
from services.intake.records import Sealing
from services.intake.settings import IntakeSettings
from services.intake.smtp.places import Places
from services.intake.smtp.recipients import Recipients
from services.intake.smtp.servers import Certificate, MailServer, Place
from services.intake.smtp.session import LmtpSession, MailSession, Rules
from shared import metrics
from shared.mail_tokens import MailTokens
from shared.publisher import Publisher
from shared.runtime import Part
from shared.worker import Worker

log = structlog.get_logger(__name__)


class MailPublisher(Publisher):
    """A producer for mails alone: their files must not keep requests by HTTP waiting.

    Its deadline is longer, and what misses it ends all that the producer holds.
    """

    name = "kafka_for_mail"


class WaysIn:
    """All ways in for mail as one part: they stop together, and none waits for another's mails.

    Args:
        ways: Each listens, or looks into a mailbox; all are told to stop before any has ended.
    """

    name = "mail"

    def __init__(self, ways: Sequence[Part]) -> None:
        self._ways = tuple(ways)
        self._started: list[Part] = []

    async def start(self) -> None:
        """Begin; those that have are left alone when it is called again."""
        for way in self._ways:
            if way not in self._started:
                await way.start()
                self._started.append(way)
                # An alert about one of them must tell that it is turned on.
                metrics.PART_READY.labels(way.name).set_function(partial(_is_ready, way))

    async def stop(self) -> None:
        """Take no more mails; those on their way in have 4 s, wherever they come from."""
        ends = [way.stop() for way in self._started]
        for error in await asyncio.gather(*ends, return_exceptions=True):
            if isinstance(error, Exception):
                log.error("stop_failed", error=type(error).__name__)

    def ready(self) -> str | None:
        """Why one of them can't be used, or None."""
        reasons = {way.name: way.ready() for way in self._ways}
        return "; ".join(f"{name}: {why}" for name, why in reasons.items() if why) or None


def _is_ready(way: Part) -> bool:
    return way.ready() is None


def mail_parts(
    settings: IntakeSettings,
    sealing: Sealing,
    *,
    clock: Callable[[], datetime],
    jitter: Callable[[], float],
) -> list[Part]:
    """What must run for mail to come in; nothing while no way in is turned on.

    Exit status 2 with one line on standard error when a file that the settings name is no good.
    """
    if settings.mail_secret is None:
        return []
    publisher = MailPublisher(
        settings.kafka,
        deadline=settings.mail_publish_deadline,
        client_id="careline-intake-mail",
        security=settings.brokers_security(),
    )
    intake = _intake(settings, publisher, sealing, clock)
    ways_in = [*_servers(settings, intake), *_poller(settings, intake, clock, jitter)]
    if not ways_in:
        return []
    return [publisher, Worker("mail_probe", publisher.probe, idle=5), WaysIn(ways_in)]


def _intake(
    settings: IntakeSettings,
    publisher: MailPublisher,
    sealing: Sealing,
    clock: Callable[[], datetime],
) -> MailIntake:
    caps = Caps(
        addresses=HourlyCap(settings.mail_per_address),
        threads=HourlyCap(settings.mail_per_thread),
        networks=HourlyCap(settings.mail_per_network),
        trusted=settings.mail_trusted,
    )
    return MailIntake(
        publisher=publisher,
        away=publisher.ready,
        clock=clock,
        desk=_desk(settings),
        limits=mail.MailLimits(mail_bytes=settings.mail_most_bytes),
        caps=caps,
        sealing=sealing,
        places=asyncio.Semaphore(settings.mail_at_once),
    )


def _desk(settings: IntakeSettings) -> mail_rules.MailDesk:
    assert settings.mail_secret is not None  # noqa: S101 - mail_parts has looked
    tokens = MailTokens(settings.mail_secret.get_secret_value(), settings.reply_mailbox)
    recipients = Recipients.of(settings.reply_mailbox, settings.mail_queues)
    return mail_rules.MailDesk(
        tokens=tokens,
        pseudonym_secret=settings.pseudonym_secret.get_secret_value(),
        addresses=recipients.addresses | {settings.sender.lower()},
        queues=settings.mail_queues,
        locale=settings.mail_locale,
        time_zone=settings.mail_time_zone,
    )


def _servers(settings: IntakeSettings, intake: MailIntake) -> list[Part]:
    found: list[Part] = []
    if settings.smtp_in_port:
        place = Place(settings.smtp_in_host, settings.smtp_in_port)
        found.append(_server(settings, intake, MailSession, place))
    if settings.lmtp_port or settings.lmtp_socket:
        place = Place(settings.lmtp_host, settings.lmtp_port, settings.lmtp_socket)
        found.append(_server(settings, intake, LmtpSession, place))
    return found


def _server(
    settings: IntakeSettings, intake: MailIntake, kind: type[MailSession], place: Place
) -> MailServer:
    rules = Rules(
        hostname=settings.smtp_in_name or settings.reply_mailbox.rpartition("@")[2],
        recipients=Recipients.of(settings.reply_mailbox, settings.mail_queues),
        most_recipients=settings.mail_recipients,
        idle_seconds=settings.mail_idle_seconds,
        data_seconds=settings.mail_data_seconds,
        must_have_tls=kind is MailSession and settings.smtp_in_tls == "required",
    )
    places = Places(
        source=kind.source,
        most=settings.mail_connections,
        most_per_host=settings.mail_connections_per_host,
        most_bytes=settings.mail_held_bytes,
        trusted=settings.mail_trusted,
    )
    return MailServer(kind, place, intake, rules, places, _certificate(settings))


def _certificate(settings: IntakeSettings) -> Certificate | None:
    chain, key = settings.smtp_in_certificate, settings.smtp_in_key
    if chain is None or key is None:
        return None
    try:
        return Certificate(chain, key)
    except (OSError, ssl.SSLError) as error:
        raise _wrong("SMTP_IN_CERTIFICATE", error) from None


def _poller(
    settings: IntakeSettings,
    intake: MailIntake,
    clock: Callable[[], datetime],
    jitter: Callable[[], float],
) -> list[Part]:
    if settings.imap_host is None:
        return []
    account = Account(
        host=settings.imap_host,
        port=settings.imap_port or (993 if settings.imap_security == "tls" else 143),
        security=settings.imap_security,
        user=settings.imap_user,
        password=settings.imap_password.get_secret_value(),
        folder=settings.imap_folder,
        done=settings.imap_done,
        refused=settings.imap_refused,
        authorities=settings.imap_authorities,
        since=settings.imap_since,
    )
    interval = settings.imap_interval
    return [ImapPoller(account, intake, interval=interval, clock=clock, jitter=jitter)]


def _wrong(setting: str, error: Exception) -> SystemExit:
    reason = getattr(error, "strerror", None) or type(error).__name__
    print(f"CARELINE_{setting}: {reason}", file=sys.stderr)  # noqa: T201 - before logging
    return SystemExit(2)
