"""The frame of the benchmarks: it runs what is asked for, and shows and writes what is found."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.figures import Benchmark, Figure, line, rates, side_by_side


def steady(*, quick: bool) -> Iterator[Figure]:
    """A benchmark that finds the same each time, with an event loop of its own."""
    asyncio.run(asyncio.sleep(0))
    yield Figure("quick ones" if quick else "slow ones", 1234.5, "/s", at_least=1000)


async def waiting(*, quick: bool) -> AsyncIterator[Figure]:
    """One that waits for something, as those on Kafka and Postgres do."""
    yield Figure("late by", 0.25, "s", at_most=0.2 if quick else 0.3)
    yield Figure("kept", 3, "ms", beside="thrown away", ratio=1.5)


BOTH: Mapping[str, Benchmark] = {"steady": steady, "waiting": waiting}


def test_working_time_is_measured_beside_plain_loops(capsys: pytest.CaptureFixture[str]) -> None:
    """A quick run finds the same due times in every way, and a figure for each."""
    assert main(["working_time", "--quick"]) == 0
    heading, *figures = capsys.readouterr().out.splitlines()
    assert heading == "working_time"
    assert figures[0].startswith("  business hours ")
    assert "at least 200,000: " in figures[0]
    assert [figure for figure in figures if "times a walk by days" in figure]
    assert "times a loop by minutes" in figures[-1]


def test_all_benchmarks_are_run_or_those_that_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each has its heading and its figures as lines of a table, in the order they were found."""
    assert main([], BOTH) == 0
    everything = capsys.readouterr().out.splitlines()
    assert [each for each in everything if not each.startswith(" ")] == ["steady", "waiting"]
    assert main(["waiting"], BOTH) == 0
    assert capsys.readouterr().out.splitlines() == everything[2:]


def test_a_name_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """It says which there are."""
    with pytest.raises(SystemExit) as ended:
        main(["steady", "speed"], BOTH)
    assert ended.value.code == 2
    assert "no benchmark speed; there are steady, waiting" in capsys.readouterr().err


def test_figures_are_written_as_json(tmp_path: Path) -> None:
    """With all that is known of them, and of the machine."""
    file = tmp_path / "figures.json"
    assert main(["--quick", "--json", str(file)], BOTH) == 0
    report = json.loads(file.read_text())
    assert report["quick"] is True
    assert report["cores"] >= 1
    first, late, kept = report["figures"]
    assert first == {
        "benchmark": "steady",
        "name": "quick ones",
        "value": 1234.5,
        "unit": "/s",
        "at_least": 1000,
        "at_most": None,
        "beside": None,
        "ratio": None,
        "held": True,
    }
    assert (late["benchmark"], late["held"]) == ("waiting", False)
    assert (kept["held"], kept["beside"], kept["ratio"]) == (None, "thrown away", 1.5)


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        (Figure("a", 1234567.8, "/s"), "1,234,568 /s"),
        (Figure("a", 0.012345, "s", at_most=1), "0.0123 s   at most 1: held"),
        (Figure("a", 900, "/s", at_least=1000), "900 /s   at least 1,000: missed"),
        (Figure("a", 99.5, "/s", beside="b", ratio=2), "99.5 /s   2 times b"),
    ],
)
def test_a_figure_is_a_line(figure: Figure, shown: str) -> None:
    """Name, value, whether its mark is held, and what it was measured beside."""
    name, value = line(figure).split(maxsplit=1)
    assert (name, value) == ("a", shown)


def test_works_are_measured_by_turns() -> None:
    """Round by round, so that a machine that slows down slows all of them."""
    turns: list[str] = []

    def work(name: str) -> int:
        turns.append(name)
        return sum(range(10_000)) and 1

    found = rates([lambda: work("a"), lambda: work("b")], rounds=3)
    assert turns == ["a", "b"] * 3
    assert [len(rounds) for rounds in found] == [3, 3]
    figure = side_by_side("a", "/s", lambda: work("a"), "b", lambda: work("b"), rounds=2)
    assert turns == ["a", "b"] * 5
    assert (figure.name, figure.beside) == ("a", "b")
    assert figure.ratio
