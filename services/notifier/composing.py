"""What is handed over for a delivery: a mail, or a post."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from services.notifier import mails, posts
from services.notifier.channels import smtp
from services.notifier.deliveries import About, Content, Delivery
from services.notifier.letters import links
from services.notifier.letters.desk import Desk
from services.notifier.sender import Compose
from shared.notifications import NotificationChannel
from shared.plans import Catalogue


def compose_with(
    catalogue: Callable[[], Catalogue], desk: Desk, clock: Callable[[], datetime]
) -> Compose:
    """How deliveries become content.

    Args:
        catalogue: The one in force.
        desk: Who writes.
        clock: The present, in UTC.
    """

    def compose(delivery: Delivery, about: About) -> Content:
        if delivery.channel is not NotificationChannel.EMAIL:
            return posts.compose(delivery, about, desk=desk)
        mail = mails.compose(delivery, about, catalogue=catalogue(), desk=desk, now=clock())
        content = smtp.content_of(mail, delivery.address)
        return replace(content, link=links.link_of(delivery, desk))

    return compose
