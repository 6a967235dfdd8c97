"""The ways in for mail, as they are seen from outside."""

from prometheus_client import REGISTRY

from services.intake.ways_in import WaysIn


class Way:
    """A way in that may not be ready."""

    def __init__(self, name: str, why: str | None = None) -> None:
        self.name = name
        self._why = why

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End."""

    def ready(self) -> str | None:
        """Why it can't be used, or None."""
        return self._why


async def test_each_way_in_tells_whether_it_is_turned_on_and_ready() -> None:
    """An alert about the mailbox can tell a desk that has none from one that can't look into it."""
    await WaysIn([Way("a-mailbox"), Way("a-server", "not listening")]).start()
    assert _ready("a-mailbox") == 1
    assert _ready("a-server") == 0
    assert _ready("not-turned-on") is None


def _ready(way: str) -> float | None:
    return REGISTRY.get_sample_value("careline_part_ready", {"part": way})
