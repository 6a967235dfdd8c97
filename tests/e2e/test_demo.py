"""`make demo`: a ticket for each plan, and every promise checked."""

from pathlib import Path

import pytest

from shared import plans
from tests.support.local_desk import Command, command, free_base, still_running

DEMO_WITHIN = 110
CATALOGUE = plans.load_catalogue(Path(__file__).parents[2] / "deploy" / "plans-demo.toml")


@pytest.mark.timeout(600)  # more than all its waits together
def test_the_demo_keeps_every_promise_even_after_it_was_killed(tmp_path: Path) -> None:
    """Killed with tickets in flight, then run in the same place: it keeps them all.

    It starts a desk of its own each time, and leaves nothing running.
    """
    home, base = tmp_path / "home", free_base()
    with command(home, base, "demo") as demo:
        demo.says("An agent answers", within=DEMO_WITHIN)
        family = demo.family()
        demo.kill_everything()
        assert still_running(family) == []
    with command(home, base, "demo") as demo:
        _keeps_every_promise(demo)


def _keeps_every_promise(demo: Command) -> None:
    demo.says("Putting six accounts onto the six plans", within=DEMO_WITHIN)
    family = demo.family()
    assert demo.process.wait(DEMO_WITHIN) == 0, demo.said()
    for plan in CATALOGUE.plans:
        assert f"\n{plan.name} ({plan.service_level})  CL-" in demo.said()
    assert "BROKEN" not in demo.said()
    assert "promises were kept." in demo.said()
    assert len(family) > 1
    assert still_running(family) == []
