"""Writes docs/metrics.md from the catalogue: `python -m deploy.metrics_docs`, or `--check`s it.

Exit status 1 with `--check` when the page is not as the catalogue says.
"""

import sys
from pathlib import Path

from shared.metrics import CATALOGUE, EVERYWHERE, Declared

PAGE = Path(__file__).parents[1] / "docs/metrics.md"

_HEAD = """\
# Metrics

Every metric of every service, as `/metrics` of each shows it. This page is written from
`shared/metrics.py` by `make docs`; how far the metrics serve which question is in
[dashboards](dashboards.md), what wakes whom in the [alerts' runbooks](runbooks/alerts/README.md).

Names of HTTP, Kafka and Postgres clients are those of OpenTelemetry's semantic conventions. All
times are seconds. No label names a ticket, an account, an address or a URL. Beside these there is
what the Python client tells of every process: `process_cpu_seconds_total`,
`process_resident_memory_bytes`, `process_open_fds`, `process_start_time_seconds`,
`python_gc_collections_total` and the like.

`messaging_…` is about Kafka, as OpenTelemetry has it; what the service called messaging counts
begins with `thread_`.
"""

_GROUPS = (
    ("What all have in common", "careline_"),
    ("HTTP", "http_"),
    ("Postgres", "db_"),
    ("Kafka", "messaging_"),
    ("intake", "intake_"),
    ("sla", "sla_"),
    ("notifier", "notifier_"),
    ("messaging", "thread_"),
    ("The auditor", ("auditor_", "invariant_")),
)


def render() -> str:
    """The page as it should be."""
    return _HEAD + "".join(_group(title, starts) for title, starts in _GROUPS)


def _group(title: str, starts: str | tuple[str, ...]) -> str:
    rows = [_row(each) for each in CATALOGUE.values() if each.name.startswith(starts)]
    head = "| metric | type | labels | meaning | of |\n|---|---|---|---|---|\n"
    return f"\n## {title}\n\n{head}" + "".join(rows) if rows else ""


def _row(metric: Declared) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    edges = "; edges at " + ", ".join(f"{edge:g}" for edge in metric.buckets)
    meaning = metric.help.removesuffix(".") + (edges if metric.buckets else "") + "."
    by = "all" if set(metric.services) == set(EVERYWHERE) else ", ".join(metric.services)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {meaning} | {by} |\n"


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is as it should be."""
    page = render()
    if "--check" not in arguments:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    print("docs/metrics.md is not as shared/metrics.py says: make docs", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
