"""How many deliveries have ended, counted where their rows are written, whoever ended them."""

from collections.abc import Iterable

import asyncpg
from prometheus_client import Counter

ENDED = Counter(
    "notifier_deliveries_total",
    "Deliveries that have ended, by how: sent, failed or suppressed.",
    ["kind", "outcome"],
)


def count_ended(rows: Iterable[asyncpg.Record]) -> None:
    """Count those that a statement has ended, by their `kind` and `state`.

    It is done before the transaction's end: what a database in trouble rolls back, and is done over
    again, counts twice.

    Args:
        rows: What the statement changed, and whether they have `ended` by that.
    """
    for row in rows:
        if row["ended"]:
            ENDED.labels(row["kind"], row["state"]).inc()
