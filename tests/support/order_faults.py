"""Which faults befall a desk, as a seed chooses them: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random  # noqa: TID251 - the same seed draws the same faults

REPLICAS = ("one", "two")
FAILPOINTS = (
    "outbox.before_publish",
    "outbox.published",
    "consumer.handled",
    "messaging.before_commit",
    "messaging.committed",
)


class Kind(StrEnum):
    """What happens."""

    REPLICA_KILLED = "replica killed"
    REPLICA_FROZEN = "replica frozen"
    BROKER_KILLED = "broker killed"
    BROKER_STOPPED = "broker stopped"
    POSTGRES_FAST = "Postgres stopped fast"
    POSTGRES_IMMEDIATE = "Postgres stopped immediately"


@dataclass(frozen=True)
class Fault:
    """One fault."""

    after: float
    """Seconds since the fault before it in its row was over, and its replica is at work."""
    kind: Kind
    lasts: float
    """Seconds until what is away is started again, or goes on."""
    replica: str = ""
    point: str = ""
    """Where the replica ends once more, by itself, after it was started again."""

    def __str__(self) -> str:
        """For whoever reads what a seed chose."""
        again = f", then at {self.point}" if self.point else ""
        return f"{self.after:.1f} s: {self.replica} {self.kind} for {self.lasts:.1f} s{again}"


def draw(random: Random) -> list[Sequence[Fault]]:
    """Three rows of faults that happen side by side: to replicas, to the broker, to Postgres.

    Each replica is killed and started again with a place at which it dies once more; one of them
    stands still, for less or for more than its consumer group waits for it.
    """
    replicas = [
        *(
            Fault(random.uniform(1, 3), Kind.REPLICA_KILLED, random.uniform(0, 1.5), name, point)
            for name, point in zip(REPLICAS, _points(random), strict=True)
        ),
        Fault(
            random.uniform(1, 3),
            Kind.REPLICA_FROZEN,
            random.choice([2, 4, 8]),
            random.choice(REPLICAS),
        ),
    ]
    broker = [
        Fault(
            random.uniform(3, 20),
            random.choice([Kind.BROKER_KILLED, Kind.BROKER_STOPPED]),
            random.uniform(0.2, 2),
        )
    ]
    postgres = [
        Fault(random.uniform(2, 12), kind, random.uniform(0, 1.5))
        for kind in (Kind.POSTGRES_FAST, Kind.POSTGRES_IMMEDIATE)
    ]
    random.shuffle(replicas)
    random.shuffle(postgres)
    return [replicas, broker, postgres]


def _points(random: Random) -> list[str]:
    chosen = random.sample(FAILPOINTS, len(REPLICAS))
    return [f"{point}:{random.randint(1, 4)}" for point in chosen]
