"""The pages on DuckDB, pandas and Polars: their text, on the files of `make analytics`."""

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support import told
from tests.support.service import ROOT
from tests.support.snippets import names, snippet

Found = dict[str, Any]


@pytest.fixture(scope="module")
def files(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder into which the stream was read."""
    project = tmp_path_factory.mktemp("project")
    folder, out = project / ".careline" / "analytics", project / "report"
    command = [sys.executable, "-m", "deploy.analytics", "--kafka", kafka]
    subprocess.run(  # noqa: S603 - our own reader
        [*command, "--folder", str(folder), "--out", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return project


@pytest.fixture
def project(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the folder in which one works."""
    monkeypatch.chdir(files)
    return files


@pytest.mark.usefixtures("project")
def test_duckdb_says_what_became_of_the_tickets() -> None:
    """Attainment, working time and backlog are those of the tickets that were told of."""
    assert names("duckdb.md") == {"views", "attainment", "first-response", "backlog"}
    with duckdb.connect() as database:
        database.execute(snippet("duckdb.md", "views"))
        asked = {
            name: database.execute(snippet("duckdb.md", name)).fetchall()
            for name in ("attainment", "first-response", "backlog")
        }
    assert {plan: (met, breached) for plan, met, breached, _ in asked["attainment"]} == (
        told.attainment()
    )
    for _, met, breached, percent in asked["attainment"]:
        assert float(percent) == pytest.approx(100 * met / (met + breached), abs=0.05)
    assert {plan: waits for plan, *waits in asked["first-response"]} == {
        plan: pytest.approx(waits) for plan, waits in told.first_response().items()
    }
    assert {plan: waiting for plan, waiting, _ in asked["backlog"]} == told.backlog()


@pytest.mark.parametrize("page", ["pandas.md", "polars.md"])
def test_a_data_frame_says_the_same(page: str, project: Path) -> None:
    """The three blocks, one after the other as in a notebook, come to the same numbers."""
    assert names(page) == {"deadlines", "by-plan", "backlog"}
    script = project / f"{page}.py"
    blocks = [snippet(page, name) for name in ("deadlines", "by-plan", "backlog")]
    script.write_text("\n\n".join(blocks), encoding="utf-8")
    found = {"pandas.md": _of_pandas, "polars.md": _of_polars}[page](runpy.run_path(str(script)))
    assert found == (
        told.attainment(),
        {plan: pytest.approx(waits) for plan, waits in told.first_response().items()},
        told.backlog(),
    )


def _of_pandas(left: Found) -> tuple[Found, Found, Found]:
    attainment, waits = left["attainment"], left["first_response"]
    return (
        {plan: (row["met"], row["breached"]) for plan, row in attainment.iterrows()},
        {plan: tuple(row) for plan, row in waits.iterrows()},
        left["backlog"]["size"].to_dict(),
    )


def _of_polars(left: Found) -> tuple[Found, Found, Found]:
    rows = left["by_plan"].to_dicts()
    return (
        {row["plan"]: (row["met"], row["breached"]) for row in rows},
        {row["plan"]: (row["p50_seconds"], row["p90_seconds"]) for row in rows},
        {row["plan"]: row["open_tickets"] for row in left["backlog"].to_dicts()},
    )
