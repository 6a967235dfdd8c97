"""Asks the questions in `sql/` of the files, in DuckDB."""

from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import duckdb

from deploy.analytics import views

QUESTIONS = (
    "attainment",
    "first_response",
    "backlog_now",
    "backlog_by_day",
    "volumes",
    "reopened",
    "notifications",
    "plan_changes",
    "stream",
)
FOLDER = Path(__file__).parent / "sql"
MEMORY = "1GB"


@dataclass(frozen=True)
class Answer:
    """A question with its rows.

    Attributes:
        name: Of its file in `sql/`.
        title: The first line of its comment.
        about: The rest of it.
    """

    name: str
    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def records(self) -> list[dict[str, Any]]:
        """The rows by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def ask(folder: Path, zone: str, as_of: datetime) -> dict[str, Answer]:
    """Answer everything of the files in a folder.

    Args:
        folder: Where the files are.
        zone: IANA name of the zone in which days and weeks begin; a known one.
        as_of: What "now" is.
    """
    with opened(folder, zone, as_of) as database:
        return {name: answer(database, name) for name in QUESTIONS}


def opened(folder: Path, zone: str, as_of: datetime) -> duckdb.DuckDBPyConnection:
    """A database of the views; what does not fit into memory it keeps in the folder meanwhile."""
    database = duckdb.connect(
        config={"memory_limit": MEMORY, "temp_directory": str(folder / "spilled")}
    )
    database.execute("SET TimeZone = 'UTC'")
    database.execute("SET VARIABLE zone = $zone", {"zone": zone})
    database.execute("SET VARIABLE as_of = $as_of", {"as_of": as_of.isoformat()})
    database.execute(views.script(folder))
    return database


def answer(database: duckdb.DuckDBPyConnection, name: str) -> Answer:
    """Answer one question."""
    sql = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    opening = takewhile(lambda line: line.startswith("--"), sql.splitlines())
    comment = [line.removeprefix("--").strip() for line in opening]
    asked = database.execute(sql)
    columns = tuple(column[0] for column in asked.description or ())
    rows = tuple(asked.fetchall())
    return Answer(name, comment[0], " ".join(comment[1:]), columns, rows)
