"""How others find a running desk: `desk.json` in its folder, while its lock is held."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local import supervisor

FILE = "desk.json"


@dataclass(frozen=True)
class Presence:
    """A running desk, as it describes itself.

    Attributes:
        pid: Of the process that keeps it together.
        catalogue: The plan catalogue it runs with, by absolute path.
        catalogue_version: As that file said when the desk started.
        namespace: Stands before the names of its topics.
        addresses: Per part where it listens: a URL, or `host:port` of what speaks no HTTP.
    """

    pid: int
    catalogue: str
    catalogue_version: str
    namespace: str
    addresses: Mapping[str, str]


def write(folder: Path, presence: Presence) -> None:
    """Tell others, in one step."""
    unfinished = folder / f"{FILE}.new"
    unfinished.write_text(json.dumps(asdict(presence), indent=1) + "\n", encoding="utf-8")
    unfinished.replace(folder / FILE)


def remove(folder: Path) -> None:
    """Tell nobody any more. Repeating is harmless."""
    (folder / FILE).unlink(missing_ok=True)


def find(folder: Path) -> Presence | None:
    """Find the desk that runs in a folder and is ready; what a killed one left does not count."""
    if not supervisor.is_held(folder):
        return None
    try:
        holder = int((folder / "desk.lock").read_text(encoding="utf-8"))
        presence = Presence(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return presence if presence.pid == holder else None
