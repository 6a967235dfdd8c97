"""notifier, put together: the only place with its real clock."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.notifier import handlers
from services.notifier.channels import SmtpChannel, SmtpServer
from services.notifier.mails import Desk
from services.notifier.sender import Limits, Sender
from services.notifier.settings import NotifierSettings
from shared.catalogue_file import LOOK_EVERY, CatalogueFile
from shared.envelope import Topic
from shared.plans import Catalogue, CatalogueError
from shared.runtime import Part, load_settings, run
from shared.wiring import wire
from shared.worker import Worker

MIGRATIONS = Path(__file__).parent / "migrations"


def clock() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def main() -> None:
    """Run notifier until it is told to end."""
    settings = load_settings(NotifierSettings)
    file = CatalogueFile(settings.catalogue)
    try:
        file.load()
    except CatalogueError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    run("notifier", settings, _parts(settings, file), routes=[])


def _parts(settings: NotifierSettings, file: CatalogueFile) -> list[Part]:
    """In the order in which they start."""

    def catalogue() -> Catalogue:
        return file.catalogue

    wired = wire(
        "notifier",
        settings,
        migrations=MIGRATIONS,
        hears=(Topic.TICKETS, Topic.SLA),
        handle=handlers.handle_with(
            catalogue, clock, patience=timedelta(seconds=settings.patience)
        ),
    )
    sender = Sender(
        wired.database,
        _channel(settings),
        catalogue=catalogue,
        desk=_desk(settings),
        clock=clock,
        limits=Limits(
            settings.smtp_connections,
            timedelta(seconds=settings.hold),
            timedelta(seconds=settings.give_up_after),
        ),
    )
    return [*wired.parts, Worker("catalogue", file.look, idle=LOOK_EVERY), sender]


def _channel(settings: NotifierSettings) -> SmtpChannel:
    password = settings.smtp_password
    server = SmtpServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_user,
        password.get_secret_value() if password else None,
    )
    # The other half of the hold is for keeping the outcome, and for clocks that differ.
    return SmtpChannel(server, within=timedelta(seconds=settings.hold) / 2)


def _desk(settings: NotifierSettings) -> Desk:
    return Desk(
        brand=settings.brand,
        sender=settings.sender,
        messaging_center=settings.messaging_center,
        portal=settings.portal,
        documentation=settings.documentation,
        troubleshooting=settings.troubleshooting,
        terms=settings.terms,
    )


if __name__ == "__main__":
    main()
