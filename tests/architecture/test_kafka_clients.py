"""Every client of Kafka that we make is told how the brokers are spoken to."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENTS = {
    "AIOKafkaAdminClient",
    "AIOKafkaClient",
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "AdminClient",
    "Consumer",
    "KafkaBroker",
    "Producer",
}
TELLS = ("for_aiokafka", "for_faststream", "address")
"""How they are told; `address` is what analytics tells librdkafka."""
ON_ONE_MACHINE = ("deploy/local/", "deploy/grafana/", "deploy/event_docs/snippets/")
"""They look at the broker of a desk on one machine; the last are examples for strangers."""
OURS = {"shared/wiring.py"}
"""Makes our own `Consumer`, which is told in other ways."""


def _files() -> Iterator[Path]:
    for folder in ("shared", "services", "deploy"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name not in OURS and not name.startswith(ON_ONE_MACHINE):
                yield path


def _calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Of functions and classes by their bare name, with the place."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", node


def test_no_client_forgets_tls_and_login() -> None:
    """One that did would work on one machine, and nowhere else."""
    made = _calls_of(CLIENTS)
    assert made, "the names of the clients have changed"
    untold = [place for place, call in made.items() if not any(tell in call for tell in TELLS)]
    assert untold == []


def test_whoever_reaches_the_brokers_passes_on_how() -> None:
    """The parts of a service are told, too: their own default is a line that is open to all."""
    parts = {"Publisher", "FilePublisher", "MailPublisher", "Topics", "Keyring", "Rebuilding"}
    parts |= {"DeadRegister", "ends", "ensure_topics"}
    told = _calls_of(parts)
    assert told, "the names of the parts have changed"
    assert [place for place, call in told.items() if "security" not in call] == []


def _calls_of(names: set[str]) -> dict[str, str]:
    return {
        place: ast.unparse(call)
        for path in _files()
        for place, call in _calls(path)
        if isinstance(call.func, ast.Name) and call.func.id in names
    }
