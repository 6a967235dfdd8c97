"""`python -m deploy.prometheus` writes rules and their tests; `--check` says if they are stale.

`--fast FOLDER` writes rules for an exercise into another folder: the same ones, with everything
that waits or looks back shortened. Exit status 1 when something is stale.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.prometheus import written
from deploy.prometheus.pace import Pace
from deploy.prometheus.rules import DASHBOARDS, RUNBOOKS, Links

FOLDER = Path(__file__).parent
FAST = 60
"""A minute becomes a second."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the arguments; write, or check."""
    given = _parser().parse_args(arguments)
    links = Links(given.runbooks.rstrip("/"), given.dashboards.rstrip("/"))
    if given.fast is not None:
        write(given.fast, written.rule_files(Pace(given.by), links))
    elif given.out is not None:
        write(given.out, written.rule_files(Pace(), links))
    elif not given.check:
        bring_up_to_date(FOLDER, written.contents())
    elif stale := differences(FOLDER, written.contents()):
        sys.exit(
            "deploy/prometheus/ is not what its Python says; run `make observability`: "
            + ", ".join(stale)
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.prometheus", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    parser.add_argument("--fast", type=Path, metavar="FOLDER", help="write rules of an exercise")
    parser.add_argument("--by", type=int, default=FAST, help="by what they are shortened")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the rules there")
    parser.add_argument("--runbooks", default=RUNBOOKS, help="where links to runbooks lead")
    parser.add_argument("--dashboards", default=DASHBOARDS, help="where links to them lead")
    return parser


def differences(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """The files that are missing, differ or don't belong there."""
    found = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for name in {Path(each).parent for each in wanted}
        for path in (folder / name).glob("*.yml")
    }
    return sorted(n for n in found.keys() | wanted.keys() if found.get(n) != wanted.get(n))


def bring_up_to_date(folder: Path, wanted: Mapping[str, str]) -> None:
    """Write what differs; rules that are no more are taken away."""
    for name in differences(folder, wanted):
        if name not in wanted:
            (folder / name).unlink()
    write(folder, wanted)


def write(folder: Path, wanted: Mapping[str, str]) -> None:
    """Write files; others that stand there stay."""
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
