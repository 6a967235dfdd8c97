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
from deploy.event_docs.example_keys import on_the_stream, opened
from deploy.event_docs.examples import example_keys, examples
from deploy.event_docs.page import page
from deploy.event_docs.parties import type_name
from deploy.event_docs.schemas import documented, private_documented
from deploy.event_docs.site import site
from shared.events import EVENT_TYPES

FOLDER = Path(__file__).parents[2] / "docs" / "events"


def contents() -> dict[str, str]:
    """Every file of the folder with what it has to say, by its path in the folder."""
    return (
        {f"schemas/{type_name(event)}.json": _json(documented(event)) for event in EVENT_TYPES}
        | {
            f"schemas/private/{type_name(event)}.json": _json(schema)
            for event in EVENT_TYPES
            if (schema := private_documented(event))
        }
        | {f"examples/{each.type}.json": _json(on_the_stream(each)) for each in examples()}
        | {
            f"examples/private/{each.type}.json": _json(private)
            for each in examples()
            if (private := opened(each))
        }
        | {
            "example-keys.json": _json(example_keys()),
            "asyncapi.json": _json(document()),
            "README.md": page(),
            "index.html": site(),
        }
    )


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
