"""notifier as a real process with a chat, a pager and a webhook beside mail."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from shared.envelope import Topic
from shared.events import Event
from shared.notifications import NotificationSent
from tests.support import said
from tests.support.desk import CATALOGUE, Desk
from tests.support.stream import publish, read_events
from tests.support.waiting import until
from tests.support.webhooks import Hook, running_hook

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together

KEY = "0123456789abcdef0123456789abcdef"
SIGNING = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
LEADS = "support-leads@careline.example"
HOLD = "10"
DESTINATIONS = """
[destinations.team-chat]
slack = {{ url = {{ env = "CHAT" }} }}
allow_private = true

[destinations.on-call]
pagerduty = {{ routing_key = {{ env = "KEY" }}, url = "{pager}" }}
allow_private = true

[destinations.incident-log]
webhook = {{ url = "{webhook}", secrets = [{{ env = "SIGNING" }}] }}
allow_private = true
"""


@pytest.fixture
def hook() -> Iterator[Hook]:
    """All three, told apart by their paths."""
    with running_hook() as made:
        yield made


@pytest.fixture
def told(desk: Desk, hook: Hook, tmp_path: Path) -> Desk:
    """A desk whose leads are told by every way; nothing runs yet."""
    destinations, catalogue = tmp_path / "destinations.toml", tmp_path / "plans.toml"
    destinations.write_text(DESTINATIONS.format(pager=hook.url("/pager"), webhook=hook.url("/log")))
    # In large letters too: a catalogue may write a name as people do.
    everybody = f'"{LEADS}", "Team-Chat", "on-call", "incident-log"'
    catalogue.write_text(CATALOGUE.read_text().replace(f'"{LEADS}"', everybody))
    desk.settings |= {
        "CARELINE_DESTINATIONS": str(destinations),
        "CARELINE_CATALOGUE": str(catalogue),
        "CHAT": hook.url("/chat"),
        "KEY": KEY,
        "SIGNING": SIGNING,
    }
    return desk


async def test_a_breach_is_told_by_every_way_and_taken_back_by_every_way(
    told: Desk, hook: Hook
) -> None:
    """The chat reads it, the pager has an incident that is resolved, the webhook's mark holds."""
    told.start("notifier")
    await told.ready("notifier")
    breached = said.breach(said.slot(said.ticket_created()))
    await _publish(told, breached)
    assert sorted(event.data.channel for event in await _sent(told, 4)) == [
        "email",
        "pagerduty",
        "slack",
        "webhook",
    ]
    await _publish(told, said.retraction(breached))
    await _sent(told, 8)
    assert len(told.mailbox.to(LEADS)) == 2
    assert [post.json["text"].split(":")[1].strip() for post in hook.to("/chat")] == [
        "Breached",
        "Retracted",
    ]
    opened, resolved = (post.json for post in hook.to("/pager"))
    assert (opened["event_action"], resolved["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == resolved["dedup_key"]
    assert opened["dedup_key"] == f"{breached.subject}/first_response/1"
    assert opened["routing_key"] == KEY
    types = [
        Webhook(SIGNING).verify(post.body, dict(post.headers))["type"] for post in hook.to("/log")
    ]
    assert types == ["deadline.breached", "deadline.breach_retracted"]


async def test_no_secret_is_in_the_log_nor_in_what_is_kept(told: Desk, hook: Hook) -> None:
    """However much is logged, and whatever answers repeat."""
    told.start("notifier", CARELINE_LOG_LEVEL="DEBUG")
    await told.ready("notifier")
    await _publish(told, said.breach(said.slot(said.ticket_created())))
    await _sent(told, 4)
    told.stop("notifier")
    log = (told.folder / "notifier.log").read_text()
    kept = await told.query("notifier", "SELECT body FROM contents")
    assert len(kept) == 4
    for secret in (KEY, SIGNING, "/chat"):
        assert secret not in log
        assert not [row for row in kept if secret.encode() in row["body"]]
    assert hook.to("/chat")


async def test_a_second_copy_to_a_webhook_is_known_by_its_id(told: Desk, hook: Hook) -> None:
    """Killed between its answer and our commit: it comes again, the same."""
    told.start("notifier", CARELINE_FAILPOINT="notifier.smtp_answered:4", CARELINE_HOLD=HOLD)
    await told.ready("notifier")
    await _publish(told, said.breach(said.slot(said.ticket_created())))
    assert await told.died("notifier") == -9
    told.start("notifier", CARELINE_HOLD=HOLD)
    await _sent(told, 4)
    posts = hook.to("/log")
    assert len({post.headers["webhook-id"] for post in posts}) == 1
    assert len({post.body for post in posts}) == 1
    assert len({post.json["dedup_key"] for post in hook.to("/pager")}) == 1


async def test_a_file_of_destinations_that_is_wrong_is_refused_at_start(told: Desk) -> None:
    """Exit status 2; every problem with its line, and no secret."""
    told.settings["CHAT"] = "http://secret.example/in/clear"
    del told.settings["KEY"]
    path = told.settings["CARELINE_DESTINATIONS"]
    _make_public(Path(path))
    told.start("notifier")
    assert await told.died("notifier") == 2
    log = (told.folder / "notifier.log").read_text()
    assert f"{path}:3: destinations.team-chat.slack.url: must begin with https://" in log
    assert f"{path}:7: destinations.on-call.pagerduty.routing_key: the environment has no" in log
    assert "secret.example" not in log


async def test_a_catalogue_that_names_a_destination_that_is_none_is_refused_at_start(
    told: Desk,
) -> None:
    """Exit status 2; the name with its line, where the other files are right."""
    path = told.settings["CARELINE_CATALOGUE"]
    line = _misspell(Path(path), '"on-call"', '"on-cal"')
    told.start("notifier")
    assert await told.died("notifier") == 2
    log = (told.folder / "notifier.log").read_text()
    assert log.splitlines()[-1] == f"{path}:{line}: alerts: no destination is called 'on-cal'"


def _misspell(catalogue: Path, name: str, wrong: str) -> int:
    """In every line; the first one's number is returned."""
    text = catalogue.read_text()
    catalogue.write_text(text.replace(name, wrong))
    return text[: text.index(name)].count("\n") + 1


def _make_public(destinations: Path) -> None:
    destinations.write_text(destinations.read_text().replace("allow_private = true", ""))


async def _publish(desk: Desk, *events: Event) -> None:
    await publish(desk.stack.bootstrap_servers, desk.namespace, events)


async def _sent(desk: Desk, wanted: int) -> list[NotificationSent]:
    """What notifier said it sent, once it is so much; repeats of one id left out."""

    async def complete() -> list[NotificationSent] | None:
        told = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.NOTIFICATIONS)
        sent = {event.id: event for event in told if isinstance(event, NotificationSent)}
        return list(sent.values()) if len(sent) >= wanted else None

    found: list[NotificationSent] = await until(complete, within=60, what=f"{wanted} are sent")
    assert len(found) == wanted
    return found
