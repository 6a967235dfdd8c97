"""The faults that a seed chooses."""

from collections import Counter
from random import Random  # noqa: TID251 - a seed makes them repeatable

import pytest

from tests.support.order_faults import FAILPOINTS, REPLICAS, Kind, draw

SEEDS = [str(number) for number in range(20)]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_chooses_the_same_faults_again_and_every_kind_of_them(seed: str) -> None:
    """Each replica is killed and has a place to die at; broker and Postgres go away, too."""
    rows = draw(Random(seed))  # noqa: S311 - nothing is kept secret with it
    assert draw(Random(seed)) == rows  # noqa: S311 - the same
    faults = [fault for row in rows for fault in row]
    kinds = Counter(fault.kind for fault in faults)
    killed = [fault for fault in faults if fault.kind is Kind.REPLICA_KILLED]
    assert {fault.replica for fault in killed} == set(REPLICAS)
    assert {fault.point.partition(":")[0] for fault in killed} <= set(FAILPOINTS)
    assert kinds[Kind.BROKER_KILLED] + kinds[Kind.BROKER_STOPPED] == 1
    once = (Kind.REPLICA_FROZEN, Kind.POSTGRES_FAST, Kind.POSTGRES_IMMEDIATE)
    assert [kinds[kind] for kind in once] == [1, 1, 1]


def test_seeds_choose_different_faults() -> None:
    """What one run misses, another one may find."""
    drawn = {str(draw(Random(seed))) for seed in SEEDS}  # noqa: S311 - nothing is kept secret
    assert len(drawn) == len(SEEDS)
