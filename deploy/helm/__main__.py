"""`python -m deploy.helm` writes what of the chart is made from the code; `--check` only looks.

That is `values.schema.json`, from the settings of the services, and `rules/`, which are those of
`deploy/prometheus/rules`: a chart reads no file outside of itself. Exit status 1 when it is stale.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.helm.schema import schema

CHART = Path(__file__).parent / "careline"
RULES = Path(__file__).parents[1] / "prometheus" / "rules"


def contents() -> dict[str, str]:
    """What is made, by its path in the chart."""
    rules = {f"rules/{path.name}": path.read_text("utf-8") for path in sorted(RULES.glob("*.yml"))}
    return {"values.schema.json": json.dumps(schema(), indent=1, sort_keys=True) + "\n"} | rules


def stale(chart: Path, wanted: Mapping[str, str]) -> list[str]:
    """What is missing, differs or is left over, by its path in the chart."""
    paths = [chart / "values.schema.json", *chart.glob("rules/*")]
    found = {
        path.relative_to(chart).as_posix(): path.read_text("utf-8")
        for path in paths
        if path.exists()
    }
    return sorted(
        name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)
    )


def write(chart: Path, wanted: Mapping[str, str]) -> None:
    """Bring the chart up to date."""
    for name in stale(chart, wanted):
        path = chart / name
        if name not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[name], encoding="utf-8")


def main() -> int:
    """Write, or look."""
    parser = argparse.ArgumentParser(prog="python -m deploy.helm", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, say what is stale")
    wanted = contents()
    if not parser.parse_args().check:
        write(CHART, wanted)
        return 0
    differing = stale(CHART, wanted)
    for name in differing:
        print(f"deploy/helm/careline/{name} is stale: run `make docs`", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
