"""`python -m services.sla due FILE`: when cases fall due, for who tries a calendar or a plan.

It computes as the running service does, and needs neither its settings nor what it runs on.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, ValidationInfo

from shared import plans
from shared.calendars import Calendar, due_at
from shared.envelope import Instant
from shared.plan_problems import in_words
from shared.plans import (
    Catalogue,
    CatalogueError,
    Clock,
    Priority,
    UnknownPlanError,
    load_catalogue,
)

DONE, WRONG, UNREADABLE = 0, 1, 2
"""Exit codes: every case has its due time; some have not, or another; nothing can be read."""

_EXAMPLE = """\
FILE has an array of cases, or one case a line. A case is a JSON object:

  [{"id": "late on Friday", "start": "2026-11-20T16:30:00Z", "target_seconds": 7200,
    "calendar": {"tz": "UTC", "hours": {"fri": [["09:00", "17:00"]], "mon": [["09:00", "17:00"]]}},
    "pauses": [["2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z"]]}]

is answered by {"id": "late on Friday", "due": "2026-11-23T11:30:00Z"}. A calendar may also have
holidays, country, subdivision and exceptions, as in a catalogue. With --catalogue, it may be the
name of a calendar there, or a plan of it may stand in place of calendar and target_seconds:

  [{"id": 1, "start": "2026-11-20T16:30:00Z", "plan": "basic", "priority": "normal",
    "clock": "first_response"}]

  python -m services.sla due --catalogue deploy/plans.toml cases.json
"""


class UnreadableError(ValueError):
    """What should have cases isn't JSON, or has none."""


def _calendar(value: object, info: ValidationInfo) -> object:
    """The calendar of this name, if it is a name."""
    if not isinstance(value, str):
        return value
    catalogue: Catalogue | None = info.context
    if catalogue is None:
        raise ValueError(f"{value!r} is a name: say in which --catalogue")
    if value not in catalogue.calendars:
        raise ValueError(f"no calendar {value!r}; there are {', '.join(catalogue.calendars)}")
    return catalogue.calendars[value]


class Case(BaseModel):
    """What is counted: from when, how much, in which hours, and with which pauses."""

    start: Instant
    calendar: Annotated[Calendar | None, BeforeValidator(_calendar)] = None
    target_seconds: Annotated[float, Field(strict=True, ge=0, le=10**10)] | None = None
    """At most some three hundred years: more is a slip of the pen."""
    plan: str | None = None
    """In place of calendar and target: what this plan promises."""
    priority: Priority = Priority.NORMAL
    clock: Clock = Clock.FIRST_RESPONSE
    pauses: tuple[tuple[Instant, Instant | None], ...] = ()


class _Expected(BaseModel):
    due: Instant | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one case: its due time, or why it has none."""

    id: object
    due: datetime | None
    problem: str | None = None
    compared: bool = False
    """Whether the case gave a due time to compare with."""


def due_of(case: Case, catalogue: Catalogue | None) -> datetime:
    """When a case falls due.

    Raises:
        ValueError: it is not said what to count, or it is never due.
        UnknownPlanError: the catalogue has no such plan.
    """
    calendar, target = _terms(case, catalogue)
    return due_at(calendar, case.start, target, case.pauses)


def _terms(case: Case, catalogue: Catalogue | None) -> tuple[Calendar, timedelta]:
    calendar, seconds = case.calendar, case.target_seconds
    if case.plan is not None:
        if calendar is not None or seconds is not None:
            raise ValueError("has a plan beside calendar or target_seconds: which of them counts?")
        return _promise(case.plan, case.priority, case.clock, catalogue)
    if calendar is None or seconds is None:
        raise ValueError("needs a calendar and target_seconds, or a plan")
    return calendar, timedelta(seconds=seconds)


def _promise(
    plan_id: str, priority: Priority, clock: Clock, catalogue: Catalogue | None
) -> tuple[Calendar, timedelta]:
    if catalogue is None:
        raise ValueError(f"{plan_id!r} is a name: say in which --catalogue")
    plan = plans.plan(catalogue, plan_id)
    target = plan.targets[priority].of(clock)
    if target is None or plan.calendar is None:
        raise ValueError(f"plan {plan_id!r} has no {clock} target at {priority} priority")
    return catalogue.calendars[plan.calendar], target


def answer(
    value: object, position: int, catalogue: Catalogue | None = None, *, check: bool = False
) -> Answer:
    """Answer a case as it was read, by its position if it has no id; `check` its own due time."""
    if not isinstance(value, dict):
        return Answer(position, None, "is no JSON object")
    name = position if value.get("id") is None else value["id"]
    try:
        due = due_of(Case.model_validate(value, context=catalogue), catalogue)
        expected = _Expected.model_validate(value).due if check else None
    except ValidationError as error:
        found = (f"{'.'.join(path)}: {why}" for path, why in in_words(error.errors()))
        return Answer(name, None, "; ".join(found))
    except (ValueError, UnknownPlanError, OverflowError) as error:
        return Answer(name, None, str(error))
    if expected is None or expected == due:
        return Answer(name, due, compared=expected is not None)
    problem = f"is due {_spelled(due)}, expected {_spelled(expected)}"
    return Answer(name, due, problem, compared=True)


def read_cases(lines: Iterable[str]) -> Iterator[object]:
    """The cases of a JSON array, or one a line; those before a line that is no JSON come first.

    Raises:
        UnreadableError: it is neither, or there are none.
    """
    numbered = ((n, line.removeprefix("\ufeff")) for n, line in enumerate(lines, 1))
    number, line = next(((n, line) for n, line in numbered if line.strip()), (0, "[]"))
    if not line.lstrip().startswith("["):
        yield _json(line, number)
        yield from (_json(line, n) for n, line in numbered if line.strip())
        return
    cases = _json(line + "".join(line for _, line in numbered), number)
    if not isinstance(cases, list) or not cases:
        raise UnreadableError("has no cases")
    yield from cases


def _json(text: str, number: int) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        number, why = number + error.lineno - 1, error.msg
    except (ValueError, RecursionError) as error:
        why = str(error)
    raise UnreadableError(f"line {number} is no JSON ({why}): give an array, or one case a line")


def main(arguments: Sequence[str]) -> int:
    """Answer every case of a file; returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        catalogue = load_catalogue(given.catalogue) if given.catalogue else None
        with _opened(given.file) as lines:
            cases = enumerate(read_cases(lines), 1)
            answers = (answer(case, n, catalogue, check=given.check) for n, case in cases)
            return _tell(answers, check=given.check)
    except CatalogueError as error:
        return _fail(str(error))
    except BrokenPipeError:  # whoever reads has seen enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG
    except OSError as error:
        return _fail(f"{given.file}: can't be read: {error.strerror}")
    except UnicodeDecodeError:
        return _fail(f"{given.file}: can't be read: it is not UTF-8")
    except UnreadableError as error:
        return _fail(f"{given.file}: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.sla due",
        description="Say when cases fall due, one JSON object a line.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="the cases; - for standard input")
    parser.add_argument("--catalogue", type=Path, help="plans and calendars that cases may name")
    parser.add_argument(
        "--check", action="store_true", help="compare with the due time that a case itself gives"
    )
    return parser


def _opened(file: str) -> AbstractContextManager[Iterable[str]]:
    return nullcontext(sys.stdin) if file == "-" else Path(file).open(encoding="utf-8")


def _tell(answers: Iterable[Answer], *, check: bool) -> int:
    """Write due times as they come, and beside them what is wrong."""
    wrong = compared = 0
    for each in answers:
        if each.due is not None:
            line = json.dumps({"id": each.id, "due": _spelled(each.due)})
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        if each.problem is not None:
            sys.stderr.write(f"{each.id}: {each.problem}\n")
        wrong += each.problem is not None
        compared += each.compared
    if check:
        sys.stderr.write(f"{compared} due times compared, {wrong} cases wrong\n")
    return WRONG if wrong else DONE


def _spelled(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return UNREADABLE
