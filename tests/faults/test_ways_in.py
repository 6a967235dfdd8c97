"""Mail that comes: machines that answer, caps, a mailbox that is away, answers without a thread."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
import pytest_asyncio

from shared.identity import requester_id
from shared.mail_tokens import MailTokens
from tests.support.desk import SECRET, Desk, running_desk
from tests.support.imap_between import Between, somebody_between
from tests.support.imap_server import HOST, PASSWORD, USER, ImapServer, running_pymap
from tests.support.mail_sender import MAILBOX, a_mail
from tests.support.operators import command
from tests.support.prometheus import needs_prometheus
from tests.support.provoking import address_of, ask, bring, change
from tests.support.stack import Stack
from tests.support.watched import Watched, numbers, watching

pytestmark = [
    needs_prometheus,
    pytest.mark.long,
    pytest.mark.timeout(420),  # more than all waits of a test together
    pytest.mark.asyncio(loop_scope="module"),
]

PER_ADDRESS = 3
"""Mails from one address that are taken in an hour."""
PUT_AWAY = re.compile(rb"UID (?:MOVE|COPY) ")


@pytest.fixture(scope="module")
def mailbox() -> Iterator[ImapServer]:
    """The mailbox that is looked into."""
    with running_pymap() as running:
        yield running


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path_factory.mktemp("ways-in")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def between(mailbox: ImapServer) -> AsyncIterator[Between]:
    """Whom intake takes for the mailbox's server."""
    async with somebody_between(mailbox.port) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(desk: Desk, between: Between) -> AsyncIterator[Watched]:
    """A desk that takes mail by SMTP and from a mailbox."""
    desk.settings |= {
        "CARELINE_IMAP_HOST": HOST,
        "CARELINE_IMAP_PORT": str(between.port),
        "CARELINE_IMAP_USER": USER,
        "CARELINE_IMAP_PASSWORD": PASSWORD,
        "CARELINE_IMAP_SECURITY": "none",
        "CARELINE_IMAP_INTERVAL": "2",
        "CARELINE_MAIL_PER_ADDRESS": str(PER_ADDRESS),
    }
    async with watching(desk, desk.folder, "intake", "notifier", "messaging") as begun:
        yield begun


@pytest.mark.alert("MailLoop")
async def test_a_machine_that_answers_our_mails_is_told_of(watched: Watched) -> None:
    """Its automatic replies are refused, and more than twenty of them are a page."""
    mails = [
        a_mail(f"<auto-{n}@machine.example>", Auto_Submitted="auto-replied") for n in range(25)
    ]
    assert set(await bring(watched.desk, *mails)) == {550}
    assert (await watched.fires("MailLoop")).labels["severity"] == "page"
    mails_by_outcome, *_ = await watched.follow_runbook("MailLoop")
    (refused,) = [
        each.value
        for each in mails_by_outcome
        if each.labels == {"source": "smtp", "outcome": "refused"}
    ]
    assert refused > 20
    await watched.ends("MailLoop")


@pytest.mark.alert("MailsPutOff")
async def test_somebody_who_is_over_a_cap_is_told_of(watched: Watched) -> None:
    """What one address sends beyond its cap is told to come again; the alert says by which way."""
    mails = [
        a_mail(f"<much-{n}@customer.example>", sender="much@customer.example") for n in range(25)
    ]
    codes = await bring(watched.desk, *mails)
    assert codes == [250] * PER_ADDRESS + [451] * (25 - PER_ADDRESS)
    assert (await watched.fires("MailsPutOff")).labels["source"] == "smtp"
    await watched.follow_runbook("MailsPutOff")
    deferred = [line for line in watched.desk.log("intake") if line["event"] == "mail_deferred"]
    assert {line["cause"] for line in deferred} == {"address_cap"}
    await watched.ends("MailsPutOff")


@pytest.mark.alert("MailsStay")
async def test_mails_that_can_not_be_put_away_are_told_of(
    watched: Watched, mailbox: ImapServer, between: Between
) -> None:
    """The folder is full: mails are taken and stay; with room again they go, and all is well."""
    await watched.until("max(intake_imap_connected) == 1")
    between.answer = lambda asked: b"NO it is full" if PUT_AWAY.match(asked) else None
    mailbox.deliver(
        *(a_mail(f"<full-{n}@customer.example>", sender=address_of(n, "full")) for n in range(8))
    )
    assert (await watched.fires("MailsStay")).labels["trouble"] == "put_away"
    troubles, *_ = await watched.follow_runbook("MailsStay")
    assert max(numbers(troubles)) > 5
    between.answer = lambda _: None
    await watched.ends("MailsStay")
    await watched.until("max(intake_imap_waiting_mails) == 0", within=120)


@pytest.mark.alert("MailboxAway")
async def test_a_mailbox_that_is_away_is_told_of(watched: Watched, mailbox: ImapServer) -> None:
    """Its server has ended: no replica looks into it any more, until it is back."""
    await watched.until("max(intake_imap_connected) == 1")
    mailbox.end()
    await watched.fires("MailboxAway")
    connected, *_ = await watched.follow_runbook("MailboxAway")
    assert numbers(connected) == [0]
    assert "imap_away" in {line["event"] for line in watched.desk.log("intake")}
    mailbox.start()
    await watched.ends("MailboxAway")


@pytest.mark.alert("MailsWaitForThread")
@pytest.mark.alert("MailsRefusedByThread")
async def test_answers_without_a_thread_are_told_of(watched: Watched) -> None:
    """A ticket's beginning is a dead letter: its mails wait until that is put back.

    One of them came from a stranger, and lies beside the thread until somebody deletes it.
    """
    desk, database = watched.desk, watched.desk.dsn("messaging")
    rule = "ALTER TABLE threads ADD CONSTRAINT spoiled CHECK (time_zone <> 'UTC') NOT VALID"
    await change(database, rule)
    (ticket,) = await ask(desk, name="waiting")
    await watched.until('sum(careline_dead_letters_total{job="messaging"}) > 0')
    for who in (address_of(0, "waiting"), "stranger@elsewhere.example"):
        to = _reply_address(ticket, who)
        assert await bring(desk, a_mail(f"<re-{who}>", sender=who, to=to), to=to) == [250]

    await watched.fires("MailsWaitForThread")
    *_, dead = await watched.follow_runbook("MailsWaitForThread")
    assert max(numbers(dead)) >= 1
    await change(database, "ALTER TABLE threads DROP CONSTRAINT spoiled")
    await asyncio.to_thread(_put_back, desk)
    await watched.ends("MailsWaitForThread")

    await watched.fires("MailsRefusedByThread")
    mails, *_ = await watched.follow_runbook("MailsRefusedByThread")
    assert {each.labels["state"]: each.value for each in mails} == {"waiting": 0, "refused": 1}
    await change(database, "DELETE FROM waiting_mails WHERE refused")
    await watched.ends("MailsRefusedByThread")


def _reply_address(ticket: UUID, who: str) -> str:
    """Where somebody answers to a ticket: made with the desk's secret."""
    return MailTokens(SECRET, MAILBOX).address(ticket, requester_id(who, secret=SECRET))


def _put_back(desk: Desk) -> None:
    """What `make dead` does with this."""
    arguments = ("--replay", "--all", "--service", "messaging")
    kafka, namespace = desk.stack.bootstrap_servers, desk.namespace
    said = command("deploy.dead", *arguments, KAFKA=kafka, NAMESPACE=namespace)
    assert said.status == 0, said
