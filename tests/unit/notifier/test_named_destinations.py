"""The catalogue's names and the file of destinations: what is told where they don't agree."""

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.notifier.destinations import Destination
from services.notifier.named_destinations import check_names, warn_of_names
from shared import metrics
from shared.notifications import NotificationChannel
from shared.plans import Catalogue, CatalogueError, parse_catalogue
from tests.support.desk import CATALOGUE

LEADS = '"support-leads@careline.example"'
SHIPPED = CATALOGUE.read_text(encoding="utf-8")
CHAT = Destination(
    "team-chat", NotificationChannel.SLACK, SecretStr("https://chat.example/"), 4, False
)


def naming(*names: str) -> tuple[Catalogue, str]:
    """A catalogue whose leads are told by these names too, with its text."""
    text = SHIPPED.replace(LEADS, ", ".join([LEADS, *(f'"{name}"' for name in names)]))
    return parse_catalogue(text, "plans.toml"), text


def unknown() -> float:
    """How many names are measured as such."""
    return next(iter(metrics.UNKNOWN_DESTINATIONS.collect())).samples[0].value


def test_names_that_are_there_are_right_in_any_letters() -> None:
    """Addresses need no destination."""
    check_names(*naming("team-chat", "Team-Chat"), "plans.toml", [CHAT])
    assert unknown() == 0


def test_a_name_that_is_not_there_is_told_with_its_line() -> None:
    """Each once, however many plans name it."""
    catalogue, text = naming("team-chat", "night-chat")
    with pytest.raises(CatalogueError) as refused:
        check_names(catalogue, text, "plans.toml", [CHAT])
    (line, *_) = (n for n, each in enumerate(text.split("\n"), 1) if "night-chat" in each)
    problem = f"plans.toml:{line}: alerts: no destination is called 'night-chat'"
    assert refused.value.problems == (problem,)


async def test_a_catalogue_that_changes_is_taken_and_the_name_is_told_and_measured() -> None:
    """Until one comes that is right."""
    look_through = warn_of_names("plans.toml", [CHAT])
    with capture_logs() as logged:
        await look_through(*naming("night-chat"))
    (line,) = logged
    assert line["event"] == "unknown_destinations"
    assert unknown() == 1
    await look_through(*naming("team-chat"))
    assert unknown() == 0
