"""`python -m deploy.event_docs` writes `docs/events/`; `--check` only says whether it is current.

Exit status 1 when it is not.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.event_docs.asyncapi import document
from deploy.event_docs.examples import examples
from deploy.event_docs.page import page
from deploy.event_docs.parties import type_name
from deploy.event_docs.schemas import schema_of
from shared import events

FOLDER = Path(__file__).parents[2] / "docs" / "events"


def contents() -> dict[str, str]:
    """Every file of the folder with what it has to say, by its path in the folder."""
    schemas = {f"schemas/{type_name(e)}.json": _json(schema_of(e)) for e in events.EVENT_TYPES}
    told = {
        f"examples/{example.type}.json": _json(json.loads(events.write(example)))
        for example in examples()
    }
    return schemas | told | {"asyncapi.json": _json(document()), "README.md": page()}


def differences(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """The files that are missing, differ or don't belong there, by their path in the folder."""
    found = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }
    return sorted(
        name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)
    )


def write(folder: Path, wanted: Mapping[str, str]) -> None:
    """Bring the folder up to date: what is no longer said is taken away."""
    for name in differences(folder, wanted):
        path = folder / name
        if name not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name], encoding="utf-8")


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Read the arguments; write, or check."""
    parser = argparse.ArgumentParser(prog="python -m deploy.event_docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    if not parser.parse_args().check:
        write(FOLDER, contents())
        return
    if stale := differences(FOLDER, contents()):
        sys.exit(
            "docs/events/ is not what the models say; run `python -m deploy.event_docs`: "
            + ", ".join(stale)
        )


if __name__ == "__main__":
    main()
