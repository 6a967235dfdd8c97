"""`python -m benchmarks [name ...]`: measure what the project promises, and print as it comes."""

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import capacity, chats, firing, lateness, slotting, working_time
from benchmarks.figures import Benchmark, Figure, line

BENCHMARKS: Mapping[str, Benchmark] = {
    "working_time": working_time.measure,
    "firing": firing.measure,
    "slotting": slotting.measure,
    "lateness": lateness.measure,
    "chats": chats.measure,
    "capacity": capacity.measure,
}
"""What there is to measure, in the order in which it is measured."""


def main(arguments: Sequence[str], benchmarks: Mapping[str, Benchmark] = BENCHMARKS) -> int:
    """Run what was asked for; returns the exit code, which doesn't judge the figures."""
    parser = _parser(benchmarks)
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in benchmarks]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(benchmarks)}")
    chosen = given.names or benchmarks
    found = {name: _figures(name, benchmarks[name], quick=given.quick) for name in chosen}
    if given.json:
        given.json.write_text(_report(found, quick=given.quick), encoding="utf-8")
    return 0


def _parser(benchmarks: Mapping[str, Benchmark]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=", ".join(benchmarks))
    parser.add_argument("--quick", action="store_true", help="show that it runs, and no more")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def _figures(name: str, benchmark: Benchmark, *, quick: bool) -> list[Figure]:
    """Show the figures of a benchmark as it finds them.

    One that isn't async has no event loop around it, so that it may run its own.
    """
    found: list[Figure] = []

    def show(figure: Figure) -> None:
        print(line(figure), flush=True)
        found.append(figure)

    async def show_all(figures: AsyncIterable[Figure]) -> None:
        async for figure in figures:
            show(figure)

    print(name, flush=True)
    figures = benchmark(quick=quick)
    if isinstance(figures, AsyncIterable):
        asyncio.run(show_all(figures))
    else:
        for figure in figures:
            show(figure)
    return found


def _report(found: Mapping[str, Sequence[Figure]], *, quick: bool) -> str:
    figures = [
        {"benchmark": name, **asdict(figure), "held": figure.held}
        for name, all_of_it in found.items()
        for figure in all_of_it
    ]
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    return json.dumps({"quick": quick, **machine, "figures": figures}, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
