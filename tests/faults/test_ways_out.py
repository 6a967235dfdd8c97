"""Mails and alerts on their way out: a mail server and a webhook that are away or unwilling."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local import ports
from tests.support.desk import CATALOGUE, SERVICES, Desk, running_desk
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.prometheus import needs_prometheus
from tests.support.provoking import address_of, ask, put_on_a_plan
from tests.support.stack import Stack
from tests.support.waiting import until
from tests.support.watched import Watched, numbers, watching
from tests.support.webhooks import Hook, Reply, running_hook

pytestmark = [
    needs_prometheus,
    pytest.mark.long,
    pytest.mark.timeout(420),  # more than all waits of a test together
    pytest.mark.asyncio(loop_scope="module"),
]

LEADS = "support-leads@careline.example"
LANE = "incident-log"
SIGNING = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
DESTINATION = """
[destinations.{lane}]
webhook = {{ url = "{url}", secrets = [{{ env = "SIGNING" }}] }}
allow_private = true
"""
NOBODY = "no-plan-was-bought"
"""An account whose tickets are promised no time: of them nobody is alerted."""


@dataclass
class Postbox:
    """The mail server that notifier hands mails to; at first nobody is there."""

    port: int = field(default_factory=lambda: ports.free_ports().smtp)
    entered: ExitStack = field(default_factory=ExitStack)
    mailbox: Mailbox | None = None

    def come(self) -> Mailbox:
        """Take mails from now on."""
        self.mailbox = self.mailbox or self.entered.enter_context(running_mailbox(self.port))
        return self.mailbox


@pytest.fixture(scope="module")
def postbox() -> Iterator[Postbox]:
    """The mail server of the desk; it goes after notifier, which holds connections to it."""
    made = Postbox()
    with made.entered:
        yield made


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    """The webhook that is told of breaches beside the leads."""
    with running_hook() as made:
        yield made


@pytest.fixture(scope="module")
def desk(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory, hook: Hook, postbox: Postbox
) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path_factory.mktemp("ways-out")) as made:
        made.settings |= _settings(made.folder, hook)
        made.settings["CARELINE_SMTP_PORT"] = str(postbox.port)
        yield made


def _settings(folder: Path, hook: Hook) -> dict[str, str]:
    destinations, catalogue = folder / "destinations.toml", folder / "plans.toml"
    destinations.write_text(DESTINATION.format(lane=LANE, url=hook.url("/log")))
    catalogue.write_text(CATALOGUE.read_text().replace(f'"{LEADS}"', f'"{LEADS}", "{LANE}"'))
    return {
        "CARELINE_DESTINATIONS": str(destinations),
        "CARELINE_CATALOGUE": str(catalogue),
        "CARELINE_ALERTS_PER_MINUTE": "1000",
        "CARELINE_ALERTS_PER_HOUR": "1000",
        "SIGNING": SIGNING,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(desk: Desk) -> AsyncIterator[Watched]:
    """A desk with a webhook beside mail; its account is promised answers within seconds."""
    async with watching(desk, desk.folder, *SERVICES) as begun:
        await put_on_a_plan(desk)
        yield begun


@pytest.mark.alert("MailServerAway")
async def test_a_mail_server_that_is_away_is_told_of(watched: Watched, postbox: Postbox) -> None:
    """Nobody listens there: mail is held back, and goes out once each when somebody does."""
    await ask(watched.desk, 6, account=NOBODY, name="away")
    assert (await watched.fires("MailServerAway")).labels["severity"] == "page"
    is_open, *_ = await watched.follow_runbook("MailServerAway")
    assert numbers(is_open) == [1]
    mailbox = postbox.come()
    await watched.ends("MailServerAway")
    await watched.ends("AcknowledgementsWaiting")
    await until(lambda: len(mailbox.mails) >= 6, within=60, what="all mails have come")
    assert all(len(mailbox.to(address_of(n, "away"))) == 1 for n in range(6))


@pytest.mark.alert("AcknowledgementsWaiting")
async def test_customers_who_wait_are_told_of(watched: Watched, postbox: Postbox) -> None:
    """The mail server keeps four of them waiting for its answer, and then takes their mails."""
    mailbox = postbox.come()
    mailbox.kept_waiting |= {address_of(n, "slow") for n in range(4)}
    await ask(watched.desk, 4, account=NOBODY, name="slow")
    assert (await watched.fires("AcknowledgementsWaiting")).labels["severity"] == "page"
    pending, *_ = await watched.follow_runbook("AcknowledgementsWaiting")
    waiting = {each.labels["kind"]: each.value for each in pending}
    assert waiting["acknowledgement"] == 4
    mailbox.kept_waiting.clear()
    await watched.ends("AcknowledgementsWaiting")


@pytest.mark.alert("MailsRefused")
async def test_many_refused_mails_are_told_of(watched: Watched, postbox: Postbox) -> None:
    """A mail server that lets us wait, as with greylisting, is no outage: a ticket, and it ends."""
    mailbox = postbox.come()
    mailbox.refused |= {address_of(n, "grey"): "450 4.2.0 Come again" for n in range(20)}
    await ask(watched.desk, 20, account=NOBODY, name="grey")
    assert (await watched.fires("MailsRefused")).labels["severity"] == "ticket"
    tries, *_ = await watched.follow_runbook("MailsRefused")
    refused = {each.labels["outcome"]: each.value for each in tries if each.value}
    assert refused["refused"] > 10
    assert await watched.prometheus.alert("MailServerAway") is None
    mailbox.refused.clear()
    await watched.ends("MailsRefused")


@pytest.mark.alert("SecondCopies")
async def test_mails_that_may_have_gone_twice_are_told_of(
    watched: Watched, postbox: Postbox
) -> None:
    """The line breaks when each mail was handed over: nobody knows, so each is sent once more."""
    mailbox = postbox.come()
    for name in ("twice", "once-more"):  # fewer at a time than have the server left alone
        await _break_the_line_after(watched, mailbox, name)
    await watched.fires("SecondCopies")
    copies, *_ = await watched.follow_runbook("SecondCopies")
    assert max(numbers(copies)) > 5
    mails = mailbox.to(address_of(0, "twice"))
    assert len(mails) >= 2
    assert len({mail["Message-ID"] for mail in mails}) == 1
    await watched.ends("SecondCopies")


async def _break_the_line_after(watched: Watched, mailbox: Mailbox, name: str) -> None:
    """Have four mails handed over without an answer, and wait until they have come again."""
    before = len(mailbox.mails)
    mailbox.hangs_up = True
    await ask(watched.desk, 4, account=NOBODY, name=name)
    await until(lambda: len(mailbox.mails) >= before + 4, what="they were handed over")
    mailbox.hangs_up = False
    await until(lambda: len(mailbox.mails) >= before + 8, what="they have come again")


@pytest.mark.alert("DestinationFailing")
@pytest.mark.alert("AlertsGivenUp")
async def test_a_webhook_that_is_not_there_any_more_is_told_of(
    watched: Watched, postbox: Postbox, hook: Hook
) -> None:
    """404 ends alerts for good, from the first on: somebody must be told what they were to know."""
    postbox.come()
    hook.default = Reply(404)
    await ask(watched.desk, 8, name="gone")
    given_up = await watched.fires("AlertsGivenUp")
    assert given_up.labels["kind"] == "breach_alert"
    await watched.follow_runbook("AlertsGivenUp")
    assert (await watched.fires("DestinationFailing")).labels["lane"] == LANE
    await watched.follow_runbook("DestinationFailing")
    assert await watched.prometheus.alert("DestinationAway") is None
    hook.default = Reply()
    await watched.ends("DestinationFailing")
    await watched.ends("AlertsGivenUp")


@pytest.mark.alert("DestinationAway")
async def test_a_webhook_that_is_away_is_told_of(
    watched: Watched, postbox: Postbox, hook: Hook
) -> None:
    """It answers 500 to all: alerts wait for it, mails go on; when it is back they arrive."""
    mailbox, heard = postbox.come(), len(hook.posts)
    hook.default = Reply(500)
    await ask(watched.desk, 8, name="broken")
    assert (await watched.fires("DestinationAway")).labels["lane"] == LANE
    is_open, *_ = await watched.follow_runbook("DestinationAway")
    assert numbers(is_open) == [1]
    assert mailbox.to(LEADS)
    hook.default = Reply()
    await watched.ends("DestinationAway")
    assert len(hook.posts) > heard
