"""How each topic stands: as declared, as found, and how much it holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient

from deploy.broker import Meant
from deploy.local.desk import WITH_DATABASE
from deploy.local.screen import Screen
from shared.topic_survey import PARTITIONS, Difference, Found, differences, ends, survey
from shared.topics import DAY_MS, Declared, declared_dead_letters, declared_topics

RETENTION = "retention.ms"
SHOWN = {
    PARTITIONS: "partitions",
    "replication": "copies",
    "cleanup.policy": "cleanup",
    RETENTION: "kept",
    "compression.type": "compression",
    "message.timestamp.type": "time stamps",
}
"""What has a column of its own, and its heading."""
NOT_DECLARED = "-"
_HOUR_MS = 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """One topic."""

    declared: Declared
    replication: int
    """The copies that there should be, at the least."""
    found: Found | None
    records: int

    @property
    def differences(self) -> list[Difference]:
        """What is not as declared."""
        name = self.declared.name
        if self.found is None:
            return [Difference(name, "a topic", "there", "not there")]
        told = differences(self.declared.wanted, self.found)
        if self.found.replication < self.replication:
            copies = str(self.found.replication)
            told.append(Difference(name, "replication", str(self.replication), copies))
        return told

    @property
    def wanted(self) -> dict[str, str]:
        """Everything that is declared."""
        return {**self.declared.wanted, "replication": str(self.replication)}

    @property
    def there(self) -> dict[str, str]:
        """Everything that was found."""
        if self.found is None:
            return {}
        own = {
            PARTITIONS: str(self.found.partitions),
            "replication": str(self.found.replication),
        }
        return {**self.found.settings, **own}


def declared(namespace: str, partitions: int) -> tuple[Declared, ...]:
    """Every topic of a desk."""
    dead = (declared_dead_letters(namespace, service) for service in WITH_DATABASE)
    return (*declared_topics(namespace, partitions), *dead)


async def of(
    admin: AIOKafkaAdminClient, desk: Meant, wanted: Sequence[Declared], replication: int
) -> list[Standing]:
    """How these topics stand now."""
    found = await survey(admin, [each.name for each in wanted])
    counts = {name: each.partitions for name, each in found.items()}
    records = dict.fromkeys(counts, 0)
    for partition, offsets in (await ends(desk.bootstrap_servers, counts, desk.security)).items():
        records[partition.topic] += len(offsets)
    return [
        Standing(each, replication, found.get(each.name), records.get(each.name, 0))
        for each in wanted
    ]


def as_json(topics: Sequence[Standing]) -> dict[str, object]:
    """For programs; values of settings are as Kafka writes them."""
    return {
        "as_declared": not any(each.differences for each in topics),
        "topics": [
            {
                "topic": each.declared.name,
                "there": each.found is not None,
                "records": each.records,
                "declared": each.wanted,
                "found": {name: each.there.get(name) for name in {**SHOWN, **each.wanted}},
                "differences": [
                    {"what": one.what, "declared": one.declared, "found": one.found}
                    for one in each.differences
                ],
            }
            for each in topics
        ],
    }


def show(topics: Sequence[Standing], screen: Screen) -> None:
    """The table, and a sentence for each difference."""
    rows = [_row(each) for each in topics]
    heads = ("topic", *SHOWN.values(), "records")
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    screen.say(_line(heads, widths), "bold")
    for each, row in zip(topics, rows, strict=True):
        screen.say(_line(row, widths), "yellow" if each.differences else "")
    told = [one for each in topics for one in each.differences]
    screen.say()
    if not told:
        screen.say("All topics are as declared.", "green")
        return
    for one in told:
        screen.say(f"DIFFERS  {one}", "yellow")
    screen.say()
    screen.say("To see what can be mended: make topics ARGS=--repair")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _row(each: Standing) -> tuple[str, ...]:
    if each.found is None:
        return (each.declared.name, *("missing" for _ in SHOWN), "0")
    cells = (_cell(name, each.wanted.get(name), each.there.get(name, "")) for name in SHOWN)
    return (each.declared.name, *cells, f"{each.records:,}")


def _cell(name: str, wanted: str | None, there: str) -> str:
    """What was found, and what was declared where that is something else."""
    if name == RETENTION and wanted is None:
        return "newest"  # of each key: a topic that is compacted and nothing else
    shown = readable(name, there)
    if wanted is None or readable(name, wanted) == shown:
        return shown
    return f"{shown} (declared {readable(name, wanted)})"


def readable(name: str, value: str) -> str:
    """A setting's value as people read it."""
    if not (name.endswith(".ms") and value.lstrip("-").isdecimal()):
        return value or NOT_DECLARED
    milliseconds = int(value)
    if milliseconds < 0:
        return "for ever"
    if milliseconds % DAY_MS == 0:
        return f"{milliseconds // DAY_MS} d"
    if milliseconds % _HOUR_MS == 0:
        return f"{milliseconds // _HOUR_MS} h"
    return f"{milliseconds:,} ms"
