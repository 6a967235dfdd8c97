"""`make demo`: a ticket for each plan, and every promise checked."""

from pathlib import Path

from deploy.local.processes import alive
from shared import plans
from tests.support.local_desk import command, free_base

DEMO_WITHIN = 110
CATALOGUE = plans.load_catalogue(Path(__file__).parents[2] / "deploy" / "plans-demo.toml")


def test_the_demo_keeps_every_promise(tmp_path: Path) -> None:
    """It starts a desk of its own, shows each plan, says so, and leaves nothing running."""
    with command(tmp_path / "home", free_base(), "demo") as demo:
        demo.says("Putting six accounts onto the six plans", within=DEMO_WITHIN)
        family = demo.family()
        assert demo.process.wait(DEMO_WITHIN) == 0, demo.said()
    for plan in CATALOGUE.plans:
        assert f"\n{plan.name} ({plan.service_level})  CL-" in demo.said()
    assert "BROKEN" not in demo.said()
    assert "promises were kept." in demo.said()
    assert len(family) > 1
    assert [member for member in family if alive(member)] == []
