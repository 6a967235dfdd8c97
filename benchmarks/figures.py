"""What a benchmark finds out, and how it is shown.

A figure says little by itself, since machines differ and are noisy: it has a mark that it must
hold, or is measured beside something else in the same run, by turns.
"""

import sys
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    """The mark that the value must reach."""
    at_most: float | None = None
    """The mark that the value must not exceed."""
    beside: str | None = None
    """What it was measured beside."""
    ratio: float | None = None
    """How many times the value of what it was measured beside."""

    @property
    def held(self) -> bool | None:
        """Whether the value keeps to its mark; None if it has none."""
        if self.at_least is None and self.at_most is None:
            return None
        enough = self.at_least is None or self.value >= self.at_least
        return enough and (self.at_most is None or self.value <= self.at_most)


class Benchmark(Protocol):
    """Gives figures as it finds them; it may be async. `quick` shows that it runs, and no more."""

    def __call__(self, *, quick: bool) -> Iterable[Figure] | AsyncIterable[Figure]:
        """Measure."""
        ...


def line(figure: Figure) -> str:
    """A figure as a line of a table."""
    remarks = []
    for mark, word in ((figure.at_least, "at least"), (figure.at_most, "at most")):
        if mark is not None:
            remarks.append(f"{word} {spelled(mark)}: {'held' if figure.held else 'missed'}")
    if figure.beside is not None and figure.ratio is not None:
        remarks.append(f"{spelled(figure.ratio)} times {figure.beside}")
    value = f"{spelled(figure.value)} {figure.unit}"
    return f"  {figure.name:<46} {value:>16}   {'; '.join(remarks)}".rstrip()


def spelled(value: float) -> str:
    """A number with as many digits as say something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def progress(text: str) -> None:
    """Say how far a long benchmark is, beside its figures."""
    print(f"  … {text}", file=sys.stderr, flush=True)


def rates(works: Sequence[Callable[[], int]], *, rounds: int) -> list[list[float]]:
    """How much each work does in a second of one core, in each round, the works by turns.

    A work returns how much it did. Seconds are those of the processor: what else runs on the
    machine takes turns with the benchmark, but isn't counted.
    """
    found: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, rate in zip(works, found, strict=True):
            begun = process_time()
            done = work()
            rate.append(done / (process_time() - begun))
    return found


def side_by_side(
    name: str, unit: str, own: Callable[[], int], beside: str, other: Callable[[], int], rounds: int
) -> Figure:
    """The median rate of our own work, and how many times the other's it is, round for round."""
    ours, theirs = rates([own, other], rounds=rounds)
    ratio = median(one / two for one, two in zip(ours, theirs, strict=True))
    return Figure(name, median(ours), unit, beside=beside, ratio=ratio)
