"""Whether the destinations that the plan catalogue names are there: two files that must agree.

At start notifier refuses a catalogue that names another. One that does so while notifier runs is in
force all the same, since sla goes by it too: that is logged and measured, and what goes to such a
name fails as `unknown_destination`.
"""

from collections.abc import Iterable, Iterator

import structlog

from services.notifier.destinations import Destination
from shared import metrics
from shared.catalogue_file import Adopt
from shared.plans import Catalogue, CatalogueError

log = structlog.get_logger(__name__)


def check_names(
    catalogue: Catalogue, text: str, name: str, destinations: Iterable[Destination]
) -> None:
    """Let a catalogue name destinations that there are, in large letters or small.

    Args:
        catalogue: Which one.
        text: What it was read from.
        name: How problems name its file.
        destinations: Those that there are.

    Raises:
        CatalogueError: it names another.
    """
    unknown = _unknown(catalogue, destinations)
    metrics.UNKNOWN_DESTINATIONS.set(len(unknown))
    if unknown:
        why = "alerts: no destination is called"
        raise CatalogueError(name, ((_line(text, each), f"{why} {each!r}") for each in unknown))


def warn_of_names(name: str, destinations: Iterable[Destination]) -> Adopt:
    """What looks through a catalogue that is to be in force from now on, and takes it anyway."""
    known = tuple(destinations)

    async def look_through(catalogue: Catalogue, text: str) -> None:
        try:
            check_names(catalogue, text, name, known)
        except CatalogueError as error:
            log.warning("unknown_destinations", problems=error.problems)

    return look_through


def _unknown(catalogue: Catalogue, destinations: Iterable[Destination]) -> list[str]:
    known = {each.name for each in destinations}
    return sorted({each for each in _named(catalogue) if each.casefold() not in known})


def _named(catalogue: Catalogue) -> Iterator[str]:
    """Whom the catalogue tells by their names; addresses need no destination."""
    for plan in catalogue.plans:
        for steps in plan.alerts.values():
            for step in steps:
                yield from (each for each in step.tell if "@" not in each)


def _line(text: str, name: str) -> int:
    """Where a name stands first, from 1."""
    spelled = (f'"{name}"', f"'{name}'")
    lines = enumerate(text.splitlines(), start=1)
    return next((number for number, line in lines if any(s in line for s in spelled)), 1)
