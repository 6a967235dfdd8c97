"""Who may import whom: the check holds, and it can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over a copy of the code."""
    return subprocess.run(  # noqa: S603 - our own tool on our own code
        [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code, to be spoiled."""
    for name in ("shared", "services", "deploy"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_code_keeps_to_its_layers(copy: Path) -> None:
    """As it stands, no import breaks a contract."""
    outcome = lint_imports(copy)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        (
            "services/notifier/handlers.py",
            "from services.sla import domain as _",
            "services.notifier is not allowed to import services.sla",
        ),
        (
            "shared/tickets.py",
            "from services.sla import domain as _",
            "shared is not allowed to import services.sla",
        ),
        (
            "services/intake/api.py",
            "from deploy.local import ports as _",
            "services.intake is not allowed to import deploy",
        ),
        (
            "services/sla/store.py",
            "from services.sla import handlers as _",
            "services.sla.store is not allowed to import services.sla.handlers",
        ),
        (
            "services/sla/domain.py",
            "from shared.database import Connection as _",
            "services.sla.domain is not allowed to import asyncpg",
        ),
        (
            "deploy/analytics/layout.py",
            "from shared.envelope import Topic as _",
            "deploy.analytics is not allowed to import shared",
        ),
    ],
)
def test_a_deliberate_wrong_import_fails_the_check(
    copy: Path, file: str, line: str, broken: str
) -> None:
    """Each contract is broken once on purpose, and import-linter says where."""
    with (copy / file).open("a") as source:
        source.write(f"\n{line}\n")
    outcome = lint_imports(copy)
    assert outcome.returncode == 1, outcome.stdout
    assert broken in outcome.stdout
