"""What customers are sent, how soon, and how much of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier import customers
from services.notifier.customers import DAY, HOUR, Caps, Pace, Tally, Unmailed
from services.notifier.deliveries import File
from shared.envelope import NAMESPACE, derive_id
from shared.events import TicketCreated
from shared.identity import Caller, Role
from shared.messages import AuthorKind, MessagePosted, Visibility
from shared.notifications import SuppressionReason
from tests.support import said, said_mails

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CREATED = said.ticket_created(at=NOON)
CUSTOMER = Caller("c-customer", "an-account", "A Customer", frozenset({Role.CUSTOMER}))
PACE = Pace(delay=timedelta(seconds=20), per_thread_hour=3)


def hold_back(
    created: TicketCreated, *, bounced: Sequence[str] = (), caps: Caps | None = None
) -> SuppressionReason | None:
    """Why a ticket is not acknowledged, when there were no others."""
    return judge(created, bounced, Tally(caps or Caps(), {}, {}))


def judge(created: TicketCreated, bounced: Sequence[str], tally: Tally) -> SuppressionReason | None:
    """Why a ticket is not acknowledged."""
    delivery = customers.acknowledge(created, not_before=created.time)
    assert delivery is not None
    return customers.hold_back(
        delivery, automatic=created.data.automatic, bounced=set(bounced), tally=tally
    )


def test_a_person_whose_address_is_good_is_acknowledged() -> None:
    """There is no reason not to."""
    assert hold_back(CREATED) is None


def test_a_machine_gets_no_answer_whatever_else_there_is() -> None:
    """That is the reason that counts, before a bad address and any cap."""
    automatic = said_mails.ticket_by_mail(CREATED, automatic=True)
    caps = Caps(per_address_hour=0)
    reason = hold_back(automatic, bounced=[said.ADDRESS], caps=caps)
    assert reason is SuppressionReason.AUTOMATIC_MAIL


def test_what_is_held_back_for_another_reason_counts_for_no_cap() -> None:
    """Only what goes out does."""
    tally = Tally(Caps(per_address_hour=1), {}, {})
    first = judge(CREATED, [said.ADDRESS], tally)
    assert first is SuppressionReason.ADDRESS_BOUNCED
    assert judge(CREATED, [], tally) is None
    last = judge(CREATED, [], tally)
    assert last is SuppressionReason.TOO_MANY


@given(
    minutes=st.lists(st.integers(0, 3 * 24 * 60), min_size=1, max_size=60),
    known=st.lists(st.integers(0, 3 * 24 * 60), max_size=3),
)
def test_no_hour_and_no_day_has_more_than_it_may(minutes: list[int], known: list[int]) -> None:
    """Whatever the order in which tickets are heard, and whatever was there before."""
    caps = Caps(per_address_hour=3, per_address_day=5)
    times = [NOON + minute * MINUTE for minute in known]
    tally = Tally(caps, {said.ADDRESS: times}, {})
    taken = times + [
        at for minute in minutes if tally.takes(said.ADDRESS, at := NOON + minute * MINUTE)
    ]
    for begin in taken:
        assert sum(begin <= at < begin + HOUR for at in taken) <= caps.per_address_hour
        assert sum(begin <= at < begin + DAY for at in taken) <= caps.per_address_day


def test_a_domain_is_counted_by_the_hour_of_the_clock() -> None:
    """With what was there before; letters' case makes no other domain."""
    before = {customers.domain_hour("x@Customer.example", NOON): 1}
    tally = Tally(Caps(per_domain_hour=2), {}, before)
    assert tally.takes("one@customer.example", NOON)
    assert not tally.takes("two@CUSTOMER.example", NOON + 59 * MINUTE)
    assert tally.takes("two@customer.example", NOON + 60 * MINUTE)
    assert tally.takes("two@other.example", NOON)


def test_articles_are_named_in_an_acknowledgement_and_nothing_else_is() -> None:
    """Without any it has no facts at all."""
    planned = customers.acknowledge(CREATED, not_before=NOON)
    assert planned is not None
    assert customers.recommend(planned, []).facts == {}
    fitting = [{"title": "Exports", "url": "https://docs.example/exports"}]
    assert customers.recommend(planned, fitting).facts == {"articles": fitting}


def test_what_was_asked_first_is_kept_for_quoting_and_cut() -> None:
    """As the message that it is in the thread, before all others."""
    words = customers.words_of(said.ticket_created(text="x" * 5_000))
    assert words is not None
    assert words.message.id == derive_id(words.caused_by, "message")
    assert (words.message.sequence, words.message.author_kind) == (0, AuthorKind.CUSTOMER)
    assert len(words.message.text) == customers.QUOTABLE


def test_of_an_agents_files_name_and_size_are_kept_and_of_a_customers_nothing() -> None:
    """The mail to the customer lists what came with an answer; their own files they know."""
    file = said_mails.attachment(CREATED, b"a,b", name="rows.csv")
    kept = []
    for caller in (said.AGENT, CUSTOMER):
        posted = said.message_posted(CREATED, caller=caller)
        assert posted.data.private is not None
        private = posted.data.private.model_copy(update={"attachments": (file,)})
        data = posted.data.model_copy(update={"private": private})
        words = customers.words_of(posted.model_copy(update={"data": data}))
        assert words is not None
        kept.append(words.message.files)
    assert kept == [(File("rows.csv", 3),), ()]


def test_an_agents_words_are_kept_whole() -> None:
    """They are the mail."""
    words = customers.words_of(said.message_posted(CREATED, text="x" * 5_000))
    assert words is not None
    assert len(words.message.text) == 5_000


def _without_private(posted: MessagePosted) -> MessagePosted:
    data = posted.data.model_copy(update={"private": None})
    return posted.model_copy(update={"data": data})


def _by_the_desk(posted: MessagePosted) -> MessagePosted:
    data = posted.data.model_copy(update={"author_kind": AuthorKind.SYSTEM})
    return posted.model_copy(update={"data": data})


@pytest.mark.parametrize(
    "posted",
    [
        said.message_posted(CREATED, visibility=Visibility.NOTE),
        said.message_posted(CREATED, visibility=Visibility.NOTE, caller=CUSTOMER),
        _by_the_desk(said.message_posted(CREATED)),
        _without_private(said.message_posted(CREATED)),
    ],
)
def test_notes_machines_and_erased_words_are_not_kept(posted: MessagePosted) -> None:
    """There is nothing in them for a customer."""
    assert customers.words_of(posted) is None


def unmailed(number: int, ticket: UUID = NAMESPACE) -> Unmailed:
    """What an agent wrote, told from others by a number."""
    return Unmailed(
        message=uuid5(ticket, f"message {number}"),
        ticket=ticket,
        address=said.ADDRESS,
        requester=said.REQUESTER,
        posted_at=NOON,
        caused_by=uuid5(ticket, f"event {number}"),
        correlation=ticket,
        traceparent=None,
    )


def reply(
    *messages: Unmailed,
    waiting: dict[UUID, UUID] | None = None,
    mailed: Sequence[datetime] = (),
) -> customers.Replies:
    """What becomes of messages, at noon."""
    had = {NAMESPACE: mailed}
    return customers.reply(messages, waiting=waiting or {}, mailed=had, pace=PACE, now=NOON)


def test_what_is_written_together_is_one_mail_a_ticket() -> None:
    """Its id is that of the first message; it goes out behind the delay."""
    other = uuid5(NAMESPACE, "another ticket")
    replies = reply(unmailed(1), unmailed(2), unmailed(1, other))
    assert [each.ticket for each in replies.new] == [NAMESPACE, other]
    assert {each.not_before for each in replies.new} == {NOON + PACE.delay}
    first, second = replies.new
    assert first.id == derive_id(unmailed(1).caused_by, "reply")
    assert replies.carried == {
        unmailed(1).message: first.id,
        unmailed(2).message: first.id,
        unmailed(1, other).message: second.id,
    }


def test_what_waits_takes_it_along() -> None:
    """No new mail."""
    waiting = uuid5(NAMESPACE, "a reply")
    replies = reply(unmailed(1), waiting={NAMESPACE: waiting})
    assert replies.new == []
    assert replies.carried == {unmailed(1).message: waiting}


@pytest.mark.parametrize(
    ("minutes", "after"),
    [
        ([], PACE.delay),
        ([-10, -5], PACE.delay),
        ([-59, -10, -5], MINUTE),
        ([-5, -50, -59, -10], 10 * MINUTE),
        ([-60, -59, -58], PACE.delay),
    ],
)
def test_a_thread_that_had_enough_waits_until_an_hour_has_room(
    minutes: list[int], after: timedelta
) -> None:
    """So that no hour has more than three; nothing is dropped."""
    mailed = [NOON + minute * MINUTE for minute in minutes]
    (planned,) = reply(unmailed(1), mailed=mailed).new
    assert planned.not_before == NOON + after
