"""The benchmark of what a ticket costs runs on real servers; how much it is, is not judged here."""

import pytest

from benchmarks import capacity
from tests.support.desk import SERVICES, WITH_DATABASE
from tests.support.stack import Stack

pytestmark = [
    pytest.mark.timeout(300),  # the waits of a whole desk, more than one after another
    pytest.mark.long,
]


def test_each_ticket_leaves_its_marks(stack: Stack) -> None:
    """Every service worked, every topic of the way has records, and the sums are of the parts."""
    found = {figure.name: figure.value for figure in capacity.figures(stack, capacity.QUICK)}
    for what, topics in {
        "a ticket": ("tickets", "sla", "notifications"),
        "an answer": ("messages", "sla", "notifications"),
    }.items():
        parts = {name: value for name, value in found.items() if name.startswith(f"{what}: on ")}
        whole = parts.pop(f"{what}: on all topics")
        assert sum(parts.values()) == pytest.approx(whole)
        assert all(parts[f"{what}: on {topic}"] > 0 for topic in topics)
        assert found[f"{what}: Postgres' write-ahead log"] > 0
    assert all(found[f"memory of {service} afterwards"] > 1 for service in SERVICES)
    assert all(found[f"connections of {service} to Postgres"] > 0 for service in WITH_DATABASE)
    few, many = (found[f"{rate:,} a second: onto Kafka"] for rate in (10, 1_000))
    assert many == pytest.approx(100 * few)
