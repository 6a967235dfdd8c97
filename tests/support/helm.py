"""The chart rendered: by Helm where it is on the PATH, else by its code out of a Python package.

The package has Helm as a library, made for Linux on x86-64. It runs in a process of its own, since
what it brings along would stay in ours.
"""

import copy
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "careline"
VALUES = ROOT / "deploy" / "helm" / "ci"
KUBERNETES = "1.31.0"
WHY_NOT = "neither helm nor the package helm-python-sdk is here (Linux on x86-64 has it)"
Object = dict[str, Any]

_BY_PACKAGE = """
import json, sys
from helm_python import Chart, lint
asked = json.load(sys.stdin)
try:
    with Chart.load(asked["chart"]) as chart:
        said = chart.render(asked["values"], name="careline", namespace="support")
    found = lint(asked["chart"], asked["values"], strict=True)["errors"]
    print(json.dumps({"manifests": said, "lint": found}))
except Exception as error:
    print(json.dumps({"error": str(error)}))
"""


class RefusedError(Exception):
    """Helm would not have it, and says why."""


@dataclass(frozen=True)
class Rendered:
    """What Helm made of the chart."""

    objects: list[Object]
    notes: str
    """Empty where the program did it: it shows them after an installation alone."""
    lint: list[str]

    def of(self, *kinds: str) -> list[Object]:
        """The objects of these kinds."""
        return [each for each in self.objects if each["kind"] in kinds]

    def one(self, kind: str, name: str) -> Object:
        """The object with this name, `careline-` before it."""
        (found,) = [e for e in self.of(kind) if e["metadata"]["name"] == f"careline-{name}"]
        return found


def is_there() -> bool:
    """Whether the chart can be rendered on this machine."""
    return shutil.which("helm") is not None or _has_package()


def values(name: str) -> dict[str, Any]:
    """One of the files of values in deploy/helm/ci."""
    found: dict[str, Any] = yaml.safe_load((VALUES / f"values-{name}.yaml").read_text("utf-8"))
    return found


def changed(given: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The same values with another one at `a.b.c`."""
    made = copy.deepcopy(given)
    *way, last = path.split(".")
    place = made
    for key in way:
        place = place.setdefault(key, {})
    place[last] = value
    return made


def render(given: dict[str, Any], chart: Path = CHART) -> Rendered:
    """Render the chart.

    Raises:
        RefusedError: Helm won't: the schema doesn't allow the values, or a template is broken.
    """
    return _render(json.dumps(given), str(chart))


@cache
def _render(given: str, chart: str) -> Rendered:
    return _by_program(given, chart) if shutil.which("helm") else _by_package(given, chart)


def _has_package() -> bool:
    fits = sys.platform == "linux" and platform.machine() == "x86_64"
    return fits and find_spec("helm_python") is not None


def _by_program(given: str, chart: str) -> Rendered:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "values.json"
        file.write_text(given, encoding="utf-8")
        told = ["--values", str(file), "--kube-version", KUBERNETES, "--namespace", "support"]
        text = _helm("template", "careline", chart, *told)
        _helm("lint", chart, "--strict", *told)
    return Rendered(_objects([text]), "", [])


def _helm(*words: str) -> str:
    done = subprocess.run(  # noqa: S603 - Helm itself, with what tests give it
        [shutil.which("helm") or "helm", *words], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise RefusedError(done.stderr + done.stdout)
    return done.stdout


def _by_package(given: str, chart: str) -> Rendered:
    asked = json.dumps({"chart": chart, "values": json.loads(given)})
    done = subprocess.run(  # noqa: S603 - our own lines
        [sys.executable, "-c", _BY_PACKAGE], input=asked, check=True, capture_output=True, text=True
    )
    said = json.loads(done.stdout)
    if "error" in said:
        raise RefusedError(said["error"])
    manifests: dict[str, str] = said["manifests"]
    notes = [text for name, text in manifests.items() if name.endswith("NOTES.txt")]
    others = [text for name, text in manifests.items() if name.endswith(".yaml")]
    return Rendered(_objects(others), "".join(notes), said["lint"])


def _objects(manifests: Iterable[str]) -> list[Object]:
    return [each for text in manifests for each in yaml.safe_load_all(text) if each]
