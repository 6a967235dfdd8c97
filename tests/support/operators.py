"""What operators' commands do and say, run as an operator runs them."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WITHIN = 90
"""Seconds until a test gives up."""


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever a command writes
        """What it wrote, as one JSON document."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """What it wrote, as a JSON document per line."""
        return [json.loads(line) for line in self.out.splitlines()]


def command(module: str, *arguments: str, **settings: str) -> Said:
    """Run `python -m module arguments` with these settings, without their prefix, and no others."""
    environ = {key: value for key, value in os.environ.items() if "CARELINE" not in key}
    environ |= {f"CARELINE_{key}": value for key, value in settings.items()} | {"NO_COLOR": "1"}
    ended = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    return Said(ended.returncode, ended.stdout, ended.stderr)
