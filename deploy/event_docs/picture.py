"""Where everything in the picture of the stream stands: services above, topics as lanes below."""

from collections.abc import Sequence
from dataclasses import dataclass

LEFT, WIDTH, TOP, LANE, EDGE = 210, 150, 96, 58, 24
"""Pixels: of the first column, a column, the first lane, a lane, the margin."""


@dataclass(frozen=True, slots=True)
class Mark:
    """That a service says, or hears, something on a topic."""

    x: int
    y: int
    says: bool
    hears: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """A topic."""

    name: str
    key: str
    y: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it."""

    width: int
    height: int
    columns: tuple[tuple[str, int], ...]
    lanes: tuple[Lane, ...]


def picture(
    lanes: Sequence[tuple[str, str, Sequence[str], Sequence[str]]], services: Sequence[str]
) -> Picture:
    """The picture of these topics (name, key, who says, who hears) and services."""
    columns = {service: LEFT + WIDTH * number for number, service in enumerate(services)}
    drawn = tuple(
        Lane(name, key, y, tuple(_marks(columns, y, says, hears)))
        for number, (name, key, says, hears) in enumerate(lanes)
        for y in [TOP + LANE * number]
    )
    width = LEFT + WIDTH * len(services) - WIDTH // 4
    return Picture(width, TOP + LANE * len(lanes) - EDGE, tuple(columns.items()), drawn)


def _marks(
    columns: dict[str, int], y: int, says: Sequence[str], hears: Sequence[str]
) -> list[Mark]:
    return [
        Mark(x, y, service in says, service in hears)
        for service, x in columns.items()
        if service in says or service in hears
    ]
