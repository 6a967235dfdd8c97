"""How many deliveries have ended, counted where their rows are written, whoever ended them."""

from collections.abc import Iterable

import asyncpg

from shared import metrics


def count_ended(rows: Iterable[asyncpg.Record]) -> None:
    """Count those that a statement has ended, by their `kind` and `state`.

    It is done before the transaction's end: what a database in trouble rolls back, and is done over
    again, counts twice.

    Args:
        rows: What the statement changed, and whether they have `ended` by that.
    """
    for row in rows:
        if row["ended"]:
            metrics.DELIVERIES.labels(row["kind"], row["state"]).inc()
