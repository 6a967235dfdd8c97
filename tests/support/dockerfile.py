"""`deploy/Dockerfile` read, and its steps carried out by hand where there is no Docker engine."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
IGNORED = shutil.ignore_patterns("__pycache__", "*.py[cod]", ".*_cache", ".careline")
"""As .dockerignore has it."""


@dataclass(frozen=True)
class Step:
    """One instruction: its name, and the rest in one line."""

    name: str
    rest: str


@dataclass(frozen=True)
class Stage:
    """What stands between a FROM and the next; its base may hold variables."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True)
class Dockerfile:
    """All of it: arguments before the first stage, and the stages."""

    arguments: dict[str, str]
    stages: list[Stage]

    def stage(self, name: str) -> Stage | None:
        """A stage by its name; None for an image from elsewhere."""
        return next((stage for stage in self.stages if stage.name == name), None)


def read(text: str) -> Dockerfile:
    """Read a Dockerfile's text."""
    found = Dockerfile({}, [])
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            base, _, alias = rest.partition(" AS ")
            found.stages.append(Stage(base.strip(), alias.strip()))
        elif name and found.stages:
            found.stages[-1].steps.append(Step(name, rest.strip()))
        elif name == "ARG":
            key, _, default = rest.partition("=")
            found.arguments[key] = default
    return found


def filled(text: str, arguments: Mapping[str, str]) -> str:
    """A text with its `${NAME}` put in."""
    return re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], text)


@dataclass
class Built:
    """What came of a stage."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    settings: dict[str, str] = field(default_factory=dict)
    """Of the image: USER, ENTRYPOINT, CMD and the like, as they stand there."""

    @property
    def folder(self) -> Path:
        """Where a process of it begins."""
        return self.root / self.workdir.lstrip("/")


@dataclass
class Builder:
    """Carries out stages, each in a folder of its own.

    Args:
        dockerfile: What is to be done.
        arguments: As `--build-arg` gives them.
        folder: Where stages are made.
        tools: Environment of what RUN runs: where uv and Python are.
    """

    dockerfile: Dockerfile
    arguments: dict[str, str]
    folder: Path
    tools: dict[str, str]
    done: dict[str, Built] = field(default_factory=dict)

    def last(self) -> Built:
        """The image itself."""
        return self._build(self.dockerfile.stages[-1], "image")

    def _build(self, stage: Stage, name: str) -> Built:
        if name in self.done:
            return self.done[name]
        given = self.dockerfile.arguments | self.arguments
        base = filled(stage.base, given)
        below = self.dockerfile.stage(base)
        built = Built(self.folder / name)
        if below is not None:
            found = self._build(below, base)
            built = Built(found.root, dict(found.environ), found.workdir, dict(found.settings))
        for step in stage.steps:
            self._do(step, built, given)
        self.done[name] = built
        return built

    def _do(self, step: Step, built: Built, given: dict[str, str]) -> None:
        match step.name:
            case "COPY":
                self._copy(shlex.split(filled(step.rest, given)), built)
            case "RUN":
                self._run(filled(step.rest, given), built)
            case "WORKDIR":
                built.workdir = step.rest
                built.folder.mkdir(parents=True, exist_ok=True)
            case "ENV":
                pairs = (pair.partition("=") for pair in shlex.split(filled(step.rest, given)))
                built.environ |= {key: value for key, _, value in pairs}
            case "ARG":
                key, _, default = step.rest.partition("=")
                given.setdefault(key, default)
            case _:
                built.settings[step.name] = filled(step.rest, given)

    def _copy(self, words: list[str], built: Built) -> None:
        source = ROOT
        if words[0].startswith("--from="):
            other = self.dockerfile.stage(words.pop(0).removeprefix("--from="))
            assert other is not None
            if other.base.startswith("${UV_IMAGE"):
                return  # uv itself, which this machine has
            source = self._build(other, other.name).root
        *sources, target = words
        place = built.root / target.lstrip("/") if target.startswith("/") else built.folder / target
        for each in sources:
            _copy_one(source / each.lstrip("/"), place, into=target.endswith("/"))

    def _run(self, command: str, built: Built) -> None:
        command = re.sub(r"--mount=\S+\s+", "", command)
        subprocess.run(  # noqa: S603 - the Dockerfile's own commands
            ["/bin/sh", "-euc", command],
            cwd=built.folder,
            env=built.environ | self.tools,
            check=True,
            capture_output=True,
        )


def _copy_one(source: Path, place: Path, *, into: bool) -> None:
    """As COPY does: of a folder what is in it, of a file the file itself."""
    if source.is_dir():
        shutil.copytree(source, place, dirs_exist_ok=True, symlinks=True, ignore=_left_out(source))
        return
    place = place / source.name if into else place
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, place)


def _left_out(source: Path) -> Callable[[Any, list[str]], Iterable[str]] | None:
    return IGNORED if source.is_relative_to(ROOT) else None


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and when it was changed."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            status = (Path(path) / name).lstat()
            found[str(Path(path) / name)] = (status.st_size, status.st_mtime_ns)
    return found
