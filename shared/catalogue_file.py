"""The plan catalogue in force, followed as its file changes.

Two services read the same file and must agree on when a new catalogue counts: once the file stands
still, is right as a whole, and has a version of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import structlog

from shared import metrics
from shared.followed_file import FollowedFile
from shared.plans import Catalogue, CatalogueError, parse_catalogue, read_catalogue
from shared.toml_lines import key_lines, nearest_line

log = structlog.get_logger(__name__)


Adopt = Callable[[Catalogue, str], Awaitable[None]]
"""Told of a new catalogue and its text before it is in force. A `CatalogueError` refuses it; after
any other error it is tried again at the next look."""


class CatalogueFile:
    """The catalogue of one file; `load` it before anything else.

    Args:
        path: Where the file stands.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._in_force: tuple[Catalogue, str] | None = None
        self._by_version: dict[str, Catalogue] = {}
        self._file = FollowedFile(partial(read_catalogue, path), CatalogueError)
        self._refused: tuple[str, ...] = ()

    def load(self) -> Catalogue:
        """Read the file for the first time.

        Raises:
            CatalogueError: the file can't be read, or anything in it is wrong.
        """
        text = read_catalogue(self._path)
        self._put_in_force(parse_catalogue(text, str(self._path)), text)
        self._file.begin(text)
        metrics.CATALOGUE_REFUSED.set(0)
        return self.catalogue

    @property
    def name(self) -> str:
        """How refusals name it."""
        return str(self._path)

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue in force."""
        return self._loaded()[0]

    @property
    def text(self) -> str:
        """What the catalogue in force was read from."""
        return self._loaded()[1]

    @property
    def refused(self) -> tuple[str, ...]:
        """What is wrong with the file as it is now, each as "file:line: reason"; else nothing."""
        return self._refused

    async def look(self, adopt: Adopt | None = None) -> bool:
        """Look whether the file has changed, as a step of a `Worker`: never is there more to do."""
        found = await self._file.change()
        if found is not None:
            await self._judge(found, adopt)
            self._file.judged(found)
        return False

    async def _judge(self, found: str | CatalogueError, adopt: Adopt | None) -> None:
        try:
            await self._take(found, adopt)
        except CatalogueError as error:
            self._refused = error.problems
            metrics.CATALOGUE_REFUSED.set(1)
            log.warning(
                "catalogue_refused", problems=error.problems, in_force=self.catalogue.version
            )
        else:
            self._refused = ()
            metrics.CATALOGUE_REFUSED.set(0)

    async def _take(self, found: str | CatalogueError, adopt: Adopt | None) -> None:
        """Put what was found in force, unless it is what is in force, comments aside."""
        if isinstance(found, CatalogueError):
            raise found
        new = await asyncio.to_thread(parse_catalogue, found, str(self._path))
        if self._by_version.get(new.version, new) != new:
            raise version_taken(new, found, str(self._path))
        if new != self.catalogue:
            if adopt is not None:
                await adopt(new, found)
            self._put_in_force(new, found)
            log.info("catalogue_reloaded", version=new.version)

    def _put_in_force(self, catalogue: Catalogue, text: str) -> None:
        self._by_version[catalogue.version] = catalogue
        self._in_force = catalogue, text

    def _loaded(self) -> tuple[Catalogue, str]:
        if self._in_force is None:
            raise RuntimeError("the catalogue is not loaded yet")
        return self._in_force


def version_taken(catalogue: Catalogue, text: str, name: str) -> CatalogueError:
    """The refusal of a catalogue under whose version another one has made promises."""
    line = nearest_line(key_lines(text), ("version",))
    why = f"version: {catalogue.version!r} was in force with other content; give this one its own"
    return CatalogueError(name, [(line, why)])
