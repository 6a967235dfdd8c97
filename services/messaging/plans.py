"""The plans as pages name them, and the calendars that clocks are counted in."""

from pathlib import Path

from shared import plans
from shared.calendars import Calendar
from shared.catalogue_file import CatalogueFile
from shared.plans import Catalogue, UnknownPlanError

MOST_KEPT = 100
"""Catalogues that stay in memory once they were in force."""


class Plans:
    """The catalogue in force, followed as its file changes, and what was in force before.

    Args:
        path: Where its file stands.
    """

    def __init__(self, path: Path) -> None:
        self._file = CatalogueFile(path)
        self._earlier: dict[str, Catalogue] = {}

    def load(self) -> Catalogue:
        """Read the file for the first time.

        Raises:
            CatalogueError: it can't be read, or anything in it is wrong.
        """
        return self._file.load()

    async def look(self) -> bool:
        """Look whether the file has changed, as a step of a `Worker`."""
        return await self._file.look(self._adopt)

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue in force."""
        return self._file.catalogue

    def calendar(self, version: str, name: str) -> Calendar | None:
        """The calendar of this name in a catalogue.

        What was in force before this process began is not known here: then it is the one of the
        same name in the catalogue in force, which mostly is the same, and None if there is none.
        """
        catalogue = self._earlier.get(version, self.catalogue)
        return catalogue.calendars.get(name) or self.catalogue.calendars.get(name)

    def name(self, plan: str, language: str = "en") -> str:
        """How a plan is called; the id itself for one that the catalogue doesn't have."""
        try:
            return plans.plan(self.catalogue, plan).in_language(language).name
        except UnknownPlanError:
            return plan

    async def _adopt(self, catalogue: Catalogue, _: str) -> None:
        """A new catalogue: the one that was in force until now is still counted by."""
        if len(self._earlier) >= MOST_KEPT:
            self._earlier.clear()
        self._earlier[self.catalogue.version] = self.catalogue
        self._earlier.pop(catalogue.version, None)
