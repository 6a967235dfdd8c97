"""Who is woken when, without a database."""

import asyncio
from uuid import NAMESPACE_DNS, uuid5

import pytest

from services.messaging import signals
from services.messaging.live import Hub
from services.messaging.live.feeds import is_told, person
from services.messaging.live.typists import Typists
from services.messaging.signals import Signal, Writing
from shared.database import Database
from tests.support.live import AGENT, COLLEAGUE, CUSTOMER

TICKET = uuid5(NAMESPACE_DNS, "ticket")
OTHER = uuid5(NAMESPACE_DNS, "other")
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def _changed(hub: Hub, *tickets: object) -> None:
    (text,) = signals.pack([ticket for ticket in (TICKET, OTHER) if ticket in tickets])
    hub.hear(Signal.CHANGED.value, text)


async def test_those_who_follow_it_are_woken() -> None:
    """A change wakes who follows that ticket, or all, and nobody else."""
    hub = Hub(NOWHERE)
    with hub.watch(TICKET) as mine, hub.watch(OTHER) as others, hub.watch(None) as inbox:
        _changed(hub, TICKET)
        assert await mine.wait(0)
        assert await inbox.wait(0)
        assert not await others.wait(0)


async def test_many_changes_wake_once() -> None:
    """What happens before somebody looks is one reason to look; what happens after, another."""
    hub = Hub(NOWHERE)
    with hub.watch(TICKET) as watch:
        for _ in range(100):
            _changed(hub, TICKET)
        assert await watch.wait(0)
        assert watch.take().changed_at is not None
        assert watch.take().changed_at is None
        assert not await watch.wait(0)
        _changed(hub, TICKET)
        assert await watch.wait(0)


async def test_nothing_is_kept_of_who_has_gone() -> None:
    """A watch that has ended takes no place."""
    hub = Hub(NOWHERE)
    with hub.watch(TICKET), hub.watch(TICKET), hub.watch(None):
        assert hub.followed == 2
    assert hub.followed == 0


async def test_typing_wakes_the_ticket_alone() -> None:
    """Who follows all tickets hears nothing of who types in one; each person is told once."""
    hub = Hub(NOWHERE)
    said = Writing(TICKET, "p", "A Customer", is_agent=False, is_note=False)
    with hub.watch(TICKET) as watch, hub.watch(None) as inbox:
        for _ in range(3):
            hub.hear(Signal.WRITING.value, signals.pack_writing(said))
        woken = watch.take()
        assert woken.writing == (said,)
        assert woken.changed_at is None
        assert not await inbox.wait(0)


async def test_presence_wakes_the_ticket_and_agents_coming_wakes_all() -> None:
    """Who has a ticket open matters to that ticket; whether any agent is here, to everybody."""
    hub = Hub(NOWHERE)
    with hub.watch(TICKET) as mine, hub.watch(OTHER) as others, hub.watch(None) as inbox:
        hub.hear(Signal.PRESENT.value, signals.pack([TICKET])[0])
        assert await mine.wait(0)
        assert not await others.wait(0)
        assert not await inbox.wait(0)
        hub.hear(Signal.PRESENT.value, signals.EVERYBODY)
        assert await mine.wait(0)
        assert await others.wait(0)
        assert await inbox.wait(0)


async def test_who_looks_at_what_wakes_inboxes() -> None:
    """Lists show which of our people have a ticket open; other tickets' pages don't."""
    hub = Hub(NOWHERE)
    with hub.watch(TICKET) as mine, hub.watch(None) as inbox:
        hub.hear(Signal.PRESENT.value, signals.INBOXES)
        assert await inbox.wait(0)
        assert not await mine.wait(0)


@pytest.mark.parametrize("text", ["", "nonsense", "[]"])
def test_what_none_of_us_said_is_refused(text: str) -> None:
    """The line passes over what it can't read; the hub says that it can't."""
    with pytest.raises(ValueError, match=r".*"):
        Hub(NOWHERE).hear(Signal.WRITING.value, text)


def test_nobody_is_told_what_is_not_for_them() -> None:
    """Typing is told to the other side and to other agents, notes to agents alone."""
    public = Writing(TICKET, person(AGENT), "An Agent", is_agent=True, is_note=False)
    note = Writing(TICKET, person(AGENT), "An Agent", is_agent=True, is_note=True)
    customers = Writing(TICKET, person(CUSTOMER), "A Customer", is_agent=False, is_note=False)
    another = Writing(TICKET, "another", "A Customer", is_agent=False, is_note=False)
    said = (public, note, customers, another)
    told = {
        visitor.caller.subject: [each for each in said if is_told(visitor, each)]
        for visitor in (AGENT, COLLEAGUE, CUSTOMER)
    }
    assert told == {
        "an-agent": [customers, another],
        "a-colleague": [public, note, customers, another],
        "a-customer": [public],
    }


async def test_typing_is_told_every_other_second() -> None:
    """A page that says it with every key is heard once; other people and tickets count apart."""
    typists = Typists(Database(NOWHERE, service="test", size=1))
    assert typists.may_tell(AGENT, TICKET)
    assert not typists.may_tell(AGENT, TICKET)
    assert typists.may_tell(AGENT, OTHER)
    assert typists.may_tell(CUSTOMER, TICKET)


async def test_typing_all_the_time_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is swallowed doesn't put off the next signal."""
    monkeypatch.setattr("services.messaging.live.typists.EVERY", 0.05)
    typists = Typists(Database(NOWHERE, service="test", size=1))
    assert typists.may_tell(AGENT, TICKET)
    for _ in range(20):
        await asyncio.sleep(0.01)
        if typists.may_tell(AGENT, TICKET):
            break
    else:
        pytest.fail("it was never told again")
