"""`python -m services.sla due`: cases in, due times out, and what is wrong beside them."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.sla import due

ROOT = Path(__file__).parents[3]
WORKED = ROOT / "tests" / "unit" / "shared" / "data" / "due_cases.json"
PLANS = str(ROOT / "deploy" / "plans.toml")
OFFICE = {"tz": "UTC", "hours": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "fri")}}
CASE: dict[str, Any] = {
    "id": "friday",
    "calendar": OFFICE,
    "start": "2026-11-20T16:30:00Z",
    "target_seconds": 7200,
    "pauses": [],
}
LINE = '{"id": "friday", "due": "2026-11-23T10:30:00Z"}\n'
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give text on standard input; returns exit code, output and what was said beside it."""

    def ran(given: str, *options: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        return due.main([*options, "-"]), *capsys.readouterr()

    return ran


def case(**other: object) -> str:
    """The example with other values, on one line; None leaves a field out."""
    return json.dumps({key: x for key, x in (CASE | other).items() if x is not None}) + "\n"


def test_every_worked_case_is_answered_word_for_word(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each, in their order, with the due time as the cases write it."""
    assert due.main([str(WORKED)]) == due.DONE
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told == [{"id": c["id"], "due": c["due"]} for c in json.loads(WORKED.read_text())]


def test_checking_the_worked_cases_finds_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` compares, says with how many, and prints the due times all the same."""
    assert due.main(["--check", str(WORKED)]) == due.DONE
    told = capsys.readouterr()
    assert told.err == "40 due times compared, 0 cases wrong\n"
    assert len(told.out.splitlines()) == 40


def test_checking_tells_a_difference(run: Run) -> None:
    """Another due time than the case gives is wrong; so is one that can't be read."""
    cases = (
        case(due="2026-11-23T10:30:00+00:00"),
        case(id="late", due="2026-11-23T10:31:00Z"),
        case(id="none"),
        case(id="odd", due="Monday"),
    )
    code, out, err = run("".join(cases), "--check")
    assert code == due.WRONG
    assert len(out.splitlines()) == 3
    late, odd, summary = err.splitlines()
    assert late == "late: is due 2026-11-23T10:30:00Z, expected 2026-11-23T10:31:00Z"
    assert odd.startswith("odd: due: ")
    assert summary == "2 due times compared, 2 cases wrong"


@pytest.mark.parametrize(
    "given",
    [
        case(),
        "\n" + case() + "\n",
        "\ufeff" + case(),
        "[" + case() + "]",
        "\n [\n" + case() + "\n]\n",
        json.dumps([CASE], indent=2),
        case(due="not looked at", origin=["somewhere"]),
        case(pauses=None),
        case(start="2026-11-20T17:30:00+01:00"),
    ],
)
def test_a_case_a_line_or_an_array_of_them(run: Run, given: str) -> None:
    """Both are read, with blank lines, line breaks, a byte order mark and fields of others."""
    assert run(given) == (due.DONE, LINE, "")


def test_a_case_without_an_id_is_known_by_its_position(run: Run) -> None:
    """It counts from one, in the answers and in what is wrong."""
    _, out, err = run(case(id=None) + case(id=None, start=None) + case(id=None))
    assert [json.loads(line)["id"] for line in out.splitlines()] == [1, 3]
    assert err == "2: start: is missing\n"


def test_microseconds_are_told_if_there_are_some(run: Run) -> None:
    """Nothing is rounded."""
    _, out, _ = run(case(start="2026-11-20T12:00:00.000001Z", target_seconds=0.5))
    assert json.loads(out)["due"] == "2026-11-20T12:00:00.500001Z"


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"start": "2026-11-20T16:30:00"}, "friday: start: Input should have timezone info"),
        ({"start": None}, "friday: start: is missing"),
        ({"start": "9999-12-31T00:00:00Z"}, "friday: year"),
        (
            {"calendar": OFFICE | {"tz": "Mars/Olympus"}},
            "friday: calendar.tz: 'Mars/Olympus' is no",
        ),
        ({"calendar": OFFICE | {"hours": {}}}, "friday: this calendar (UTC) has no opening in ten"),
        ({"calendar": OFFICE | {"open": 9}}, "friday: calendar.open: unknown key"),
        ({"calendar": "business"}, "friday: calendar: 'business' is a name: say in which --cat"),
        ({"calendar": None}, "friday: needs a calendar and target_seconds, or a plan"),
        ({"target_seconds": None}, "friday: needs a calendar and target_seconds, or a plan"),
        ({"target_seconds": -1}, "friday: target_seconds: "),
        ({"target_seconds": "7200"}, "friday: target_seconds: "),
        ({"target_seconds": 1e300}, "friday: target_seconds: "),
        ({"target_seconds": float("nan")}, "friday: target_seconds: "),
        ({"plan": "basic"}, "friday: has a plan beside calendar or target_seconds"),
        ({"pauses": [["2026-11-20T16:45:00Z", None]]}, "friday: paused without an end, 1:45:00 le"),
        ({"pauses": [["2026-11-20T16:45:00Z"]]}, "friday: pauses.0.1: is missing"),
    ],
)
def test_a_wrong_case_is_told_and_the_others_are_answered(
    run: Run, other: dict[str, object], reason: str
) -> None:
    """One line says which case and why; the exit code says that something was wrong."""
    code, out, err = run(case() + case(**other) + case())
    assert (code, len(out.splitlines())) == (due.WRONG, 2)
    assert err.startswith(reason)
    assert err.count("\n") == 1


def test_what_is_no_object_is_no_case(run: Run) -> None:
    """It is told by its position."""
    assert run(case() + "7\n") == (due.WRONG, LINE, "2: is no JSON object\n")


def test_a_catalogue_names_calendars_and_plans(run: Run) -> None:
    """Names stand for what the catalogue says: hours by name, or all of it by plan."""
    named = case(calendar="business")
    promised = {"calendar": None, "target_seconds": None}
    cases = named + "".join(
        case(id=plan, plan=plan, **promised, **more)
        for plan, more in (("basic", {"priority": "urgent"}), ("centurion", {}))
    )
    code, out, _ = run(cases, "--catalogue", PLANS)
    assert code == due.DONE
    assert [json.loads(line)["due"] for line in out.splitlines()] == [
        "2026-11-23T10:30:00Z",
        "2026-11-23T16:30:00Z",
        "2026-11-20T17:00:00Z",
    ]


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"calendar": "night"}, "friday: calendar: no calendar 'night'; there are business, alw"),
        ({"plan": "gold"}, "friday: no plan 'gold'; 2026-11 has self-service, starter"),
        ({"plan": "self-service"}, "friday: plan 'self-service' has no first_response target at n"),
        ({"plan": "basic", "clock": "update"}, "friday: plan 'basic' has no update target"),
        ({"plan": "basic", "clock": "sleep"}, "friday: clock: "),
        ({"plan": "basic", "priority": "vip"}, "friday: priority: "),
    ],
)
def test_what_a_catalogue_does_not_say_is_told(
    run: Run, other: dict[str, object], reason: str
) -> None:
    """An unknown name is answered with those that there are."""
    code, out, err = run(
        case(**{"calendar": None, "target_seconds": None} | other), "--catalogue", PLANS
    )
    assert (code, out) == (due.WRONG, "")
    assert err.startswith(reason)


def test_a_plan_needs_its_catalogue(run: Run) -> None:
    """Without one, its name says nothing."""
    _, _, err = run(case(calendar=None, target_seconds=None, plan="basic"))
    assert err == "friday: 'basic' is a name: say in which --catalogue\n"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "-: has no cases"),
        ("[]", "-: has no cases"),
        ("hello", "-: line 1 is no JSON"),
        ("[\n" + case() + ",", "-: line 3 is no JSON"),
        ("[" * 100_000, "-: line 1 is no JSON"),
        ("[" + "9" * 5000 + "]", "-: line 1 is no JSON"),
    ],
)
def test_what_is_no_json_is_refused_in_one_line(run: Run, given: str, reason: str) -> None:
    """It says on which line; nothing is answered."""
    code, out, err = run(given)
    assert (code, out) == (due.UNREADABLE, "")
    assert err.startswith(reason)
    assert err.count("\n") == 1


def test_cases_before_a_broken_line_are_answered(run: Run) -> None:
    """Cases a line are answered as they are read, however many follow."""
    code, out, err = run("\n" + case() + "{")
    assert (code, out) == (due.UNREADABLE, LINE)
    assert err.startswith("-: line 3 is no JSON")


def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that isn't there, isn't text, or a catalogue that is wrong: one line, and no more."""
    binary = tmp_path / "cases"
    binary.write_bytes(b"\xff\xfe{}")
    for arguments, reason in (
        ([str(tmp_path / "none")], "none: can't be read: No such file"),
        ([str(binary)], "cases: can't be read: it is not UTF-8"),
        (["--catalogue", str(tmp_path / "none"), str(WORKED)], "none:1: can't be read"),
    ):
        assert due.main(arguments) == due.UNREADABLE
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n")) == ("", 1)
        assert reason in told.err


def test_help_shows_an_example_that_works(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands in the help may be copied."""
    with pytest.raises(SystemExit) as ended:
        due.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    first, second = re.findall(r"\[\{.*?\}\]\n", text, re.DOTALL)
    _, out, _ = run(first)
    assert out.strip() in text
    assert run(second, "--catalogue", PLANS)[0] == due.DONE


def test_the_command_needs_no_settings_and_bears_a_reader_that_leaves() -> None:
    """It runs with nothing in its environment; `head` ends it without a complaint."""
    command = [sys.executable, "-m", "services.sla", "due", "-"]
    with subprocess.Popen(  # noqa: S603 - our own code
        command,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(case())
        process.stdin.flush()
        assert process.stdout.readline() == LINE
        process.stdout.close()
        process.stdin.write(case())
        process.stdin.close()
        assert process.stderr.read() == ""
