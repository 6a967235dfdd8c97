"""`deploy/compose.yaml` as Docker reads it: merged, with its variables put in."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "compose.yaml"
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def read() -> dict[str, Any]:
    """All of it; variables that this machine has set don't count."""
    text = FILE.read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(lambda each: each[2], text))
    return found


def services() -> dict[str, dict[str, Any]]:
    """What is run, by name."""
    found: dict[str, dict[str, Any]] = read()["services"]
    return found


def environment(service: str) -> dict[str, str]:
    """What a service is told."""
    return {name: str(value) for name, value in services()[service]["environment"].items()}
