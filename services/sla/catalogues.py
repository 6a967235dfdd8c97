"""Every catalogue that promises were made by: the one in force, and the earlier ones.

A version is kept in the database before the first ticket is slotted by it, so that a promise can be
counted again for as long as it is there, whatever the file says by then.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Protocol

import structlog

from services.sla import store
from services.sla.deadlines import SOURCE
from services.sla.terms import Catalogues
from shared import outbox
from shared.adopted import SUBJECT, CatalogueAdopted, CatalogueAdoptedData
from shared.catalogue_file import CatalogueFile, version_taken
from shared.database import Connection, Database
from shared.envelope import NAMESPACE, Cause, derive_id
from shared.plans import Catalogue, CatalogueError, parse_catalogue

log = structlog.get_logger(__name__)

MOST_KEPT = 100
"""Versions in memory; what is needed beyond that is read again."""


class InForce(Protocol):
    """Where the catalogue in force comes from."""

    @property
    def catalogue(self) -> Catalogue:
        """By which new tickets are slotted."""


class Book:
    """The catalogues, by version.

    Args:
        in_force: Where the catalogue in force comes from.
    """

    def __init__(self, in_force: InForce) -> None:
        self._in_force = in_force
        self._known: dict[str, Catalogue] = {}

    @property
    def catalogue(self) -> Catalogue:
        """By which new tickets are slotted."""
        return self._in_force.catalogue

    async def open(self, connection: Connection, versions: Collection[str]) -> Catalogues:
        """The catalogues of these versions.

        Raises:
            LookupError: one of them was never adopted.
        """
        known = await self.find(connection, versions)
        if lost := set(versions) - known.keys():
            raise LookupError(f"no catalogue {', '.join(sorted(lost))} was ever in force here")
        return known

    async def find(self, connection: Connection, versions: Collection[str]) -> Catalogues:
        """Those of the catalogues of these versions that were ever adopted."""
        present = self.catalogue
        known = self._known | {present.version: present}
        if missing := set(versions) - known.keys():
            for version, text in (await store.read_catalogues(connection, missing)).items():
                known[version] = parse_catalogue(text, version)
            self._known = known if len(known) <= MOST_KEPT else {}
        return known


def adopted(version: str, text: str, at: datetime) -> CatalogueAdopted:
    """What is said of a catalogue that is in force from then on."""
    subject = f"{SUBJECT}{version}"
    data = CatalogueAdoptedData(catalogue_version=version, catalogue=text)
    cause = Cause(derive_id(NAMESPACE, subject, text), subject)
    return CatalogueAdopted.say(data, cause=cause, source=SOURCE, time=at)


async def say_catalogues(connection: Connection, file: CatalogueFile, *, now: datetime) -> None:
    """Keep what the file says, and say of catalogues what is not on the stream.

    Raises:
        CatalogueError: by what the stream says, its version was in force with other content.
    """
    await _keep(connection, file.catalogue, file.text, file.name, now=now)
    await _say(connection)


async def _keep(
    connection: Connection, catalogue: Catalogue, text: str, name: str, *, now: datetime
) -> None:
    kept = await store.adopt_catalogue(connection, catalogue.version, text, now=now)
    if kept != text and parse_catalogue(kept, catalogue.version) != catalogue:
        raise version_taken(catalogue, text, name)


async def _say(connection: Connection) -> None:
    new = await store.say_catalogues(connection)
    await outbox.append(connection, [adopted(*each) for each in new])


class Adoption:
    """A part that keeps each catalogue in the database before anything is promised by it.

    Args:
        database: Where it is kept.
        file: What is to be in force at the start.
        clock: The present, with a zone.
        rebuilds: Whether a new database learns again what is on the stream: nothing is said then.
    """

    name = "catalogue"

    def __init__(
        self,
        database: Database,
        file: CatalogueFile,
        clock: Callable[[], datetime],
        rebuilds: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._rebuilds = rebuilds
        self._file = file
        self._clock = clock

    async def start(self) -> None:
        """Keep what the file said at the start.

        Raises:
            CatalogueError: its version was in force with other content; logged with the reason.
        """
        try:
            await self.adopt(self._file.catalogue, self._file.text)
        except CatalogueError as error:
            log.error("catalogue_refused", problems=error.problems)  # noqa: TRY400 - it has no stack to show
            raise

    async def adopt(self, catalogue: Catalogue, text: str) -> None:
        """Keep a catalogue that the file has come to say.

        Raises:
            CatalogueError: its version was in force with other content.
        """
        async with self._database.transaction() as connection:
            await _keep(connection, catalogue, text, self._file.name, now=self._clock())
            if not self._rebuilds():
                await _say(connection)

    async def stop(self) -> None:
        """What is kept stays."""

    def ready(self) -> str | None:
        """Ready once started."""
        return None
