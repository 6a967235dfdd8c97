"""The ways out that the settings and the file of destinations make."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never

from services.notifier import mails
from services.notifier.channels import Way
from services.notifier.channels.http import Dialect, HttpChannel
from services.notifier.channels.pagerduty import PagerDutyDialect
from services.notifier.channels.slack import SlackDialect
from services.notifier.channels.smtp import SmtpChannel, SmtpServer
from services.notifier.channels.webhook import WebhookDialect, read_secret
from services.notifier.deliveries import MAIL_LANE
from services.notifier.destinations import Destination
from services.notifier.letters.desk import Desk
from shared.notifications import NotificationChannel


def mail_way(server: SmtpServer, desk: Desk, *, connections: int, within: timedelta) -> Way:
    """All mail goes through one server."""
    channel = SmtpChannel(
        server, envelope_sender=partial(mails.envelope_sender, desk=desk), within=within
    )
    return Way(MAIL_LANE, NotificationChannel.EMAIL, channel, connections)


def other_ways(
    destinations: Sequence[Destination], clock: Callable[[], datetime], *, within: timedelta
) -> list[Way]:
    """Each destination has one of its own."""
    return [
        Way(
            destination.name,
            destination.kind,
            HttpChannel(
                _dialect(destination),
                clock=clock,
                connections=destination.connections,
                within=within,
                allow_private=destination.allow_private,
            ),
            destination.connections,
        )
        for destination in destinations
    ]


def _dialect(destination: Destination) -> Dialect:
    url, key = destination.url.get_secret_value(), destination.routing_key
    match destination.kind:
        case NotificationChannel.SLACK:
            return SlackDialect(url)
        case NotificationChannel.PAGERDUTY:
            return PagerDutyDialect(key.get_secret_value() if key else "", url)
        case NotificationChannel.WEBHOOK:
            keys = (read_secret(secret.get_secret_value()) for secret in destination.secrets)
            return WebhookDialect(url, tuple(keys))
        case NotificationChannel.EMAIL:
            raise AssertionError("mail is no destination")
        case _:
            assert_never(destination.kind)
