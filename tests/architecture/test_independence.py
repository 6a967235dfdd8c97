"""A service is installed alone: its own dependency group, `shared/` and its own folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("intake", "sla", "notifier", "messaging")
UV = ROOT / ".uv" / "bin" / "uv"


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with nothing of this project on the path."""
    keep = {"PATH", "HOME", "SSL_CERT_FILE", "UV_SYSTEM_CERTS", "UV_PYTHON_DOWNLOADS"}
    return subprocess.run(  # noqa: S603 - our own tools
        [str(part) for part in command],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if key in keep},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not UV.exists(), reason="uv is set up by make, which did not start this test")
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_with_its_own_group_alone(service: str, tmp_path: Path) -> None:
    """With `uv sync --only-group` and its own code it can be imported, and no other can."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "uv.lock", tmp_path)
    shutil.copytree(ROOT / "shared", tmp_path / "shared")
    shutil.copytree(ROOT / "services" / service, tmp_path / "services" / service)
    synced = run(
        tmp_path, UV, "sync", "--locked", "--only-group", service, "--python", sys.executable
    )
    assert synced.returncode == 0, synced.stderr

    python = tmp_path / ".venv" / "bin" / "python"
    own = run(tmp_path, python, "-c", f"import services.{service}.__main__")
    assert own.returncode == 0, own.stderr
    for other in SERVICES:
        if other != service:
            foreign = run(tmp_path, python, "-c", f"import services.{other}")
            assert "ModuleNotFoundError" in foreign.stderr


@pytest.mark.skipif(not UV.exists(), reason="uv is set up by make, which did not start this test")
def test_the_auditor_runs_with_its_own_group_alone(tmp_path: Path) -> None:
    """It checks the services from outside: it needs neither their code nor what they need."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "uv.lock", tmp_path)
    shutil.copytree(ROOT / "shared", tmp_path / "shared")
    shutil.copytree(ROOT / "deploy" / "auditor", tmp_path / "deploy" / "auditor")
    shutil.copy(ROOT / "deploy" / "__init__.py", tmp_path / "deploy")
    synced = run(
        tmp_path, UV, "sync", "--locked", "--only-group", "auditor", "--python", sys.executable
    )
    assert synced.returncode == 0, synced.stderr

    python = tmp_path / ".venv" / "bin" / "python"
    own = run(tmp_path, python, "-c", "import deploy.auditor.__main__")
    assert own.returncode == 0, own.stderr


@pytest.mark.skipif(not UV.exists(), reason="uv is set up by make, which did not start this test")
def test_intake_needs_no_database_driver(tmp_path: Path) -> None:
    """Intake has no database: its group brings no driver of one."""
    listed = run(
        ROOT, UV, "export", "--locked", "--only-group", "intake", "--no-hashes", "--no-header"
    )
    assert listed.returncode == 0, listed.stderr
    assert "aiokafka" in listed.stdout
    assert "asyncpg" not in listed.stdout
    assert not (tmp_path / ".venv").exists()
