"""Files from a Maven repository for tests of foreign programs, each checked against a pinned hash.

A lock file has a line per file: its SHA-256 and `group:artifact:version`; what is no jar, or is one
that has in it all that it needs, has `:classifier:extension` after that. The files lie in the
machine's Maven cache, beside Kafka's own.

`python -m tests.support.maven LOCK` fetches what is missing: in a process of its own, since
fetching patches TLS; `--lock LOCK COORDINATE...` resolves anew and writes the file (for upgrades).
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local import jars

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 60


def ensure(lock: Path) -> list[Path]:
    """Where the files of a lock are, once those that were missing have been fetched."""
    wanted = [line.split() for line in lock.read_text(encoding="utf-8").splitlines()]
    paths = [_path(coordinate) for _, coordinate in wanted]
    if any(jars.digest(path) != sha for path, (sha, _) in zip(paths, wanted, strict=True)):
        command = [sys.executable, "-m", "tests.support.maven", str(lock)]
        subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - this module
    return paths


def _path(coordinate: str) -> Path:
    group, artifact, version, *rest = coordinate.split(":")
    classifier, extension = rest or ("", "jar")
    end = f"-{classifier}.{extension}" if classifier else f".{extension}"
    folder = jars.cache_folder(os.environ) / Path(*group.split("."), artifact, version)
    return folder / f"{artifact}-{version}{end}"


def _fetch(lock: Path) -> None:
    context = _context()
    for line in lock.read_text(encoding="utf-8").splitlines():
        sha, coordinate = line.split()
        path = _path(coordinate)
        if jars.digest(path) == sha:
            continue
        path.unlink(missing_ok=True)
        _artifact(context, coordinate).resolve()
        if jars.digest(path) != sha:
            sys.exit(f"{path} is not the file that {lock.name} pins")


def _write(lock: Path, coordinates: list[str]) -> None:
    """Write a lock of these: jars with all that they need, other files by themselves."""
    context = _context()
    found = []
    for coordinate in coordinates:  # one by one: together, a parent's versions would be another's
        if coordinate.count(":") > 2:
            found.append(coordinate)
            continue
        direct, transitive = context.resolver.resolve([context.create_dependency(coordinate)])
        needed = [each for each in transitive if each.scope in {"compile", "runtime"}]
        for artifact in (each.artifact for each in (*direct, *needed)):
            name = f"{artifact.groupId}:{artifact.artifactId}:"
            if not any(other.startswith(name) for other in found):
                found.append(f"{name}{artifact.version}")
    for coordinate in found:
        _artifact(context, coordinate).resolve()
    lines = [f"{jars.digest(_path(coordinate))}  {coordinate}\n" for coordinate in found]
    lock.write_text("".join(lines), encoding="utf-8")


def _artifact(context: "MavenContext", coordinate: str) -> "Artifact":
    group, artifact, version, *rest = coordinate.split(":")
    component = context.project(group, artifact).at_version(version)
    return component.artifact(*rest) if rest else component.artifact()


def _context() -> "MavenContext":
    import truststore  # noqa: PLC0415 - only a fetch needs it

    truststore.inject_into_ssl()  # before jgo's HTTP client is imported
    from jgo.maven import MavenContext  # noqa: PLC0415 - see the line above

    repository = os.environ.get(jars.VARIABLE) or jars.CENTRAL
    return MavenContext(
        repo_cache=jars.cache_folder(os.environ),
        remote_repos={"repository": repository},
        timeout=TIMEOUT_SECONDS,
    )


if __name__ == "__main__":
    if sys.argv[1] == "--lock":
        _write(Path(sys.argv[2]), sys.argv[3:])
    else:
        _fetch(Path(sys.argv[1]))
