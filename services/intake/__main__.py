"""Intake, put together: the only place with its real clock and ids."""

import random
from datetime import UTC, datetime
from uuid import uuid4

from services.intake import api, ways_in
from services.intake.settings import IntakeSettings
from shared.publisher import Publisher
from shared.runtime import Topics, load_settings, run, verifier
from shared.topics import declared_topics
from shared.worker import Worker


def clock() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def main() -> None:
    """Run intake until it is told to end."""
    settings = load_settings(IntakeSettings)
    publisher = Publisher(
        settings.kafka, deadline=settings.publish_deadline, client_id="careline-intake"
    )
    intake = api.Intake(
        publisher=publisher,
        verifier=verifier(settings, clock),
        clock=clock,
        new_key=lambda: uuid4().hex,
        namespace=settings.namespace,
        messaging_center=settings.messaging_center,
        pseudonym_secret=settings.pseudonym_secret.get_secret_value(),
    )
    declared = declared_topics(settings.namespace, settings.partitions)
    topics = Topics(settings.kafka, declared, settings.replication)
    probe = Worker("probe", publisher.probe, idle=5)
    mail = ways_in.mail_parts(settings, clock=clock, jitter=random.random)
    run("intake", settings, [topics, publisher, probe, *mail], api.routes(intake))


if __name__ == "__main__":
    main()
