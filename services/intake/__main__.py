"""Intake, put together: the only place with its real clock, ids and randomness."""

import asyncio
import random
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from services.intake import api, pages, ways_in
from services.intake.limits import HourlyCap
from services.intake.passes import Passes
from services.intake.records import Sealing
from services.intake.settings import IntakeSettings, PageSettings
from services.intake.sheets import Links, Sheets
from services.intake.taking import Taking
from shared.catalogue_file import CatalogueFile
from shared.events import TicketCreated
from shared.followed_file import LOOK_EVERY
from shared.kafka_security import KafkaSecurity
from shared.messages import AttachmentReceived, MailBounced, MessageReceived
from shared.pages import Pages, languages_of
from shared.plans import CatalogueError
from shared.privacy import KeyMade
from shared.publisher import Publisher
from shared.runtime import Part, Topics, run, verifier
from shared.sealing import KEY_BYTES, StreamSecret
from shared.settings import load_settings, split_secrets
from shared.topics import declared_topics
from shared.worker import Worker

HERE = Path(__file__).parent
SAYS = (TicketCreated, MessageReceived, AttachmentReceived, MailBounced, KeyMade)


class FilePublisher(Publisher):
    """A producer for the files of forms alone: they must not keep tickets waiting."""

    name = "kafka_for_files"


def clock() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def main() -> None:
    """Run intake until it is told to end."""
    settings = load_settings(IntakeSettings)
    security = settings.brokers_security()
    publisher, files = _publishers(settings, security)
    catalogue, sealing = _catalogue(settings), _sealing(settings)
    intake = api.Intake(
        publisher=publisher,
        verifier=verifier(settings, clock),
        clock=clock,
        new_key=lambda: uuid4().hex,
        sealing=sealing,
        messaging_center=settings.messaging_center,
        pseudonym_secret=settings.pseudonym_secret.get_secret_value(),
    )
    shown = pages.RequestPages(
        _desk(settings, publisher, files, sealing),
        _sheets(settings, catalogue),
        _passes(settings),
        clock,
    )
    declared = declared_topics(settings.namespace, settings.partitions)
    parts: list[Part] = [
        Topics(settings.kafka, declared, settings.replication, security),
        publisher,
        Worker("probe", publisher.probe, idle=5),
        files,
        Worker("files_probe", files.probe, idle=5),
        Worker("catalogue", catalogue.look, idle=LOOK_EVERY),
        *ways_in.mail_parts(settings, sealing, clock=clock, jitter=random.random),
    ]
    run("intake", settings, parts, [*api.routes(intake), *pages.routes(shown)], SAYS)


def _publishers(
    settings: IntakeSettings, security: KafkaSecurity
) -> tuple[Publisher, FilePublisher]:
    requests = Publisher(
        settings.kafka,
        deadline=settings.publish_deadline,
        client_id="careline-intake",
        security=security,
    )
    files = FilePublisher(
        settings.kafka,
        deadline=settings.form_publish_deadline,
        client_id="careline-intake-files",
        security=security,
    )
    return requests, files


def _catalogue(settings: PageSettings) -> CatalogueFile:
    """The catalogue; exit status 2 with each line that is wrong on standard error."""
    file = CatalogueFile(settings.catalogue)
    try:
        file.load()
    except CatalogueError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    return file


def _sealing(settings: IntakeSettings) -> Sealing:
    secret = StreamSecret(split_secrets(settings.stream_secret))
    return Sealing(settings.namespace, secret, clock, lambda: secrets.token_bytes(KEY_BYTES))


def _desk(
    settings: IntakeSettings, publisher: Publisher, files: Publisher, sealing: Sealing
) -> pages.Desk:
    pseudonym = settings.pseudonym_secret
    return pages.Desk(
        taking=Taking(publisher, files, sealing, pseudonym.get_secret_value()),
        thanks_secret=(settings.pass_secret or pseudonym).get_secret_value(),
        new_form=lambda: secrets.token_urlsafe(32),
        time_zone=settings.form_time_zone,
        public_origin="://".join(urlsplit(settings.public_address)[:2]),
        cap=HourlyCap(settings.form_per_network),
        trusted=settings.form_trusted,
        places=asyncio.Semaphore(settings.form_at_once),
    )


def _sheets(settings: PageSettings, catalogue: CatalogueFile) -> Sheets:
    center = settings.messaging_center
    links = Links(
        center=center,
        documentation=settings.documentation or f"{center}/docs",
        troubleshooting=settings.troubleshooting or f"{center}/docs/troubleshooting",
        portal=settings.portal,
        terms=settings.terms,
    )
    made = Pages(HERE, languages_of(HERE), settings.brand)
    return Sheets(made, links, lambda: catalogue.catalogue, clock)


def _passes(settings: PageSettings) -> Passes:
    secret = settings.pass_secret
    return Passes(
        secret.get_secret_value() if secret else "",
        is_secure=settings.public_address.startswith("https://"),
        clock=clock,
        new_state=lambda: secrets.token_urlsafe(32),
    )


if __name__ == "__main__":
    main()
