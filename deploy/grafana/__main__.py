"""`python -m deploy.grafana` writes the dashboards; `--check` only says whether they are stale.

`--runbooks https://…` says where the runbooks are read, for links that work from your Grafana;
together with `--into FOLDER` they go elsewhere.
"""

import argparse
import sys
from pathlib import Path

from deploy.grafana.written import FOLDER, contents
from deploy.prometheus.rules import RUNBOOKS, Links

HERE = Path(__file__).parent


def main() -> int:
    """Write them, or say what is stale: 1 then."""
    given = _parsed()
    wanted = contents(Links(runbooks=given.runbooks))
    found = {
        str(path.relative_to(given.into)): path.read_text(encoding="utf-8")
        for path in (given.into / FOLDER).glob("*.json")
    }
    if given.check:
        return _say_stale(
            {name for name in {*wanted, *found} if wanted.get(name) != found.get(name)}
        )
    (given.into / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, text in wanted.items():
        (given.into / name).write_text(text, encoding="utf-8")
    for name in found.keys() - wanted.keys():
        (given.into / name).unlink()
    return 0


def _say_stale(stale: set[str]) -> int:
    for name in sorted(stale):
        print(f"{name} is not as deploy/grafana has it: make observability", file=sys.stderr)
    return 1 if stale else 0


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.grafana", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    parser.add_argument("--runbooks", default=RUNBOOKS, help="where runbooks are read")
    parser.add_argument("--into", type=Path, default=HERE, help="the folder to write to")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
