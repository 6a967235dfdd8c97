"""Which two tickets become one, and what is said of it: pure decisions."""

from dataclasses import replace

import pytest

from services.messaging import domain, merging
from services.messaging.domain import Actor, Thread
from services.messaging.merging import Obstacle
from shared.events import TicketStatus, TicketStatusChanged
from shared.handling import TicketMerged, TicketUnmerged
from shared.messages import AuthorKind, Visibility
from shared.tickets import ticket_number
from tests.support import said

NOW = said.now()
AGENT = Actor(AuthorKind.AGENT, "a-agent", "An Agent")


def thread(key: str, **fields: object) -> Thread:
    """A thread with some of its fields."""
    opened, _ = domain.open_thread(said.ticket_created(key, account="an-account", at=NOW))
    return replace(opened, **fields)  # type: ignore[arg-type]  # whatever a test needs


ONE, TWO, THREE = (thread(key) for key in "abc")


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (ONE, TWO, None),
        (replace(ONE, status=TicketStatus.CLOSED), TWO, None),
        (ONE, replace(TWO, status=TicketStatus.RESOLVED), None),
        (ONE, ONE, Obstacle.ITSELF),
        (ONE, replace(TWO, account="another"), Obstacle.ANOTHER_ACCOUNT),
        (replace(ONE, account_verified=True), replace(TWO, account_verified=True), None),
        (replace(ONE, account_verified=False), replace(TWO, account_verified=True), None),
        (
            replace(ONE, account_verified=True),
            replace(TWO, account_verified=False),
            Obstacle.UNPROVED,
        ),
        (replace(ONE, merged_into=THREE.ticket), TWO, Obstacle.ELSEWHERE),
        (ONE, replace(TWO, merged_into=THREE.ticket), Obstacle.GONE),
        (ONE, replace(TWO, status=TicketStatus.CLOSED), Obstacle.CLOSED),
    ],
)
def test_only_two_open_ones_of_one_account_become_one(
    one: Thread, other: Thread, why: Obstacle | None
) -> None:
    """What is gone or closed takes nothing in; what is closed may go into another one."""
    assert merging.obstacle(one, other) is why


def test_a_merged_ticket_is_closed_first_and_then_gone() -> None:
    """Its clocks end by the one; readers of the stream follow the other."""
    closed, gone = merging.merge(ONE, TWO, AGENT, now=NOW)
    assert isinstance(closed.event, TicketStatusChanged)
    assert isinstance(gone.event, TicketMerged)
    assert gone.event.time > closed.event.time
    assert (gone.thread.status, gone.thread.merged_into) == (TicketStatus.CLOSED, TWO.ticket)
    (alone,) = merging.merge(closed.thread, TWO, AGENT, now=NOW)
    assert isinstance(alone.event, TicketMerged)


def test_a_merge_that_is_undone_opens_the_ticket() -> None:
    """As it was before, whatever it was; what was never merged stays as it is."""
    *_, gone = merging.merge(ONE, TWO, AGENT, now=NOW)
    parted, opened = merging.unmerge(gone.thread, AGENT, now=NOW)
    assert isinstance(parted.event, TicketUnmerged)
    assert parted.event.data.previous == TWO.ticket
    assert isinstance(opened.event, TicketStatusChanged)
    assert (opened.thread.status, opened.thread.merged_into) == (TicketStatus.OPEN, None)
    assert merging.unmerge(ONE, AGENT, now=NOW) == ()


def test_both_threads_have_a_note_that_names_the_other() -> None:
    """The desk's own, for agents alone; merged once more, there are new ones."""
    noted = merging.note_merge(ONE, TWO, AGENT, now=NOW)
    assert ticket_number(TWO.ticket) in noted.here.text
    assert ticket_number(ONE.ticket) in noted.there.text
    for note in (noted.here, noted.there):
        assert (note.author_kind, note.visibility) == (AuthorKind.SYSTEM, Visibility.NOTE)
        assert (note.author, note.sequence) == ("a-agent", 2)
    *_, gone = merging.merge(ONE, TWO, AGENT, now=NOW)
    later = merging.note_unmerge(gone.thread, TWO, AGENT, now=NOW)
    assert len({note.id for note in (noted.here, noted.there, later.here, later.there)}) == 4
