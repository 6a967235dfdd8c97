"""What customers are sent, and when: pure decisions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.notifier.deliveries import (
    MAIL_LANE,
    Delivery,
    DeliveryKind,
    DeliveryState,
    File,
    Message,
)
from services.notifier.domain import plan_delivery
from shared.envelope import derive_id
from shared.events import TicketCreated, TicketStatus
from shared.messages import Attachment, AuthorKind, MessagePosted, Visibility
from shared.notifications import NotificationChannel, SuppressionReason

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OVER = (TicketStatus.RESOLVED, TicketStatus.CLOSED)
QUOTABLE = 4_000
"""Characters that are kept of what customers write: mails quote no more."""


@dataclass(frozen=True)  # no slots: settings take their defaults from here
class Caps:
    """How many acknowledgements go out; who names other people's addresses makes us mail them."""

    per_address_hour: int = 5
    """In any hour, to one address."""
    per_address_day: int = 20
    """In any 24 hours, to one address."""
    per_domain_hour: int = 1_000
    """In an hour of the clock, to all addresses of one domain."""


class Tally:
    """Acknowledgements of late, counted by the times of the tickets that they acknowledge.

    So it comes to the same whether tickets are heard as they come in or all at once, after an
    outage.

    Args:
        caps: How many there may be.
        by_address: Those to each address, in lower case.
        by_domain: Their number by domain, in lower case, and hour.
    """

    def __init__(
        self,
        caps: Caps,
        by_address: Mapping[str, Sequence[datetime]],
        by_domain: Mapping[tuple[str, datetime], int],
    ) -> None:
        self._caps = caps
        self._by_address = defaultdict(list, {a: list(at) for a, at in by_address.items()})
        self._by_domain = Counter(by_domain)

    def takes(self, address: str, at: datetime) -> bool:
        """Whether there may be one more; if so it is counted."""
        times = self._by_address[address.lower()]
        of_hour = sum(abs(at - each) < HOUR for each in times)
        of_day = sum(abs(at - each) < DAY for each in times)
        place = domain_hour(address, at)
        if (
            of_hour >= self._caps.per_address_hour
            or of_day >= self._caps.per_address_day
            or self._by_domain[place] >= self._caps.per_domain_hour
        ):
            return False
        times.append(at)
        self._by_domain[place] += 1
        return True


def domain_hour(address: str, at: datetime) -> tuple[str, datetime]:
    """An address's domain, and the hour of the clock in which something falls."""
    domain = address.lower().rpartition("@")[2]
    return domain, at.replace(minute=0, second=0, microsecond=0)


def acknowledge(created: TicketCreated, *, not_before: datetime) -> Delivery | None:
    """The one acknowledgement of a ticket, or None where its personal part was taken away."""
    private = created.data.private
    if private is None:
        return None
    kind = DeliveryKind.ACKNOWLEDGEMENT
    id_ = derive_id(created.id, kind)
    return plan_delivery(
        created,
        kind,
        private.address,
        person=created.data.requester,
        id_=id_,
        not_before=not_before,
    )


def recommend(acknowledgement: Delivery, articles: Sequence[Mapping[str, str]]) -> Delivery:
    """Have an acknowledgement name articles, each with its `title` and `url`."""
    if not articles:
        return acknowledgement
    return replace(acknowledgement, facts={**acknowledgement.facts, "articles": list(articles)})


def hold_back(
    acknowledgement: Delivery, *, automatic: bool, bounced: AbstractSet[str], tally: Tally
) -> SuppressionReason | None:
    """Why a ticket is not acknowledged; None if it is, which then counts.

    Args:
        acknowledgement: As it is planned.
        automatic: A machine wrote the ticket.
        bounced: Addresses that mail came back from.
        tally: What was acknowledged of late.
    """
    if automatic:
        return SuppressionReason.AUTOMATIC_MAIL
    if acknowledgement.address in bounced:
        return SuppressionReason.ADDRESS_BOUNCED
    taken = tally.takes(acknowledgement.address, acknowledgement.caused_at)
    return None if taken else SuppressionReason.TOO_MANY


@dataclass(frozen=True, slots=True)
class Words:
    """Public words of a thread, and what told us of them."""

    message: Message
    person: str
    """Pseudonym of whose they are."""
    caused_by: UUID
    correlation: UUID
    traceparent: str | None


def words_of(event: TicketCreated | MessagePosted) -> Words | None:
    """What is kept of what somebody wrote: an agent's to be mailed, a customer's to be quoted.

    Notes are nothing to a customer, and what a machine wrote nobody wants to read again.
    """
    if event.data.private is None:
        return None
    if isinstance(event, TicketCreated):
        message = _first(event, event.data.private.name, event.data.private.text)
    elif is_public(event) and event.data.author_kind is not AuthorKind.SYSTEM:
        private = event.data.private
        message = _posted(event, private.author_name, private.text, private.attachments)
    else:
        return None
    person = event.data.private.person
    return Words(message, person, event.id, event.correlationid, event.traceparent)


def is_public(posted: MessagePosted) -> bool:
    """Whether the customer reads it."""
    return posted.data.visibility is Visibility.PUBLIC


def is_answer(posted: MessagePosted) -> bool:
    """Whether it is what somebody of ours told the customer."""
    return is_public(posted) and posted.data.author_kind is AuthorKind.AGENT


def _first(created: TicketCreated, name: str | None, text: str) -> Message:
    return Message(
        id=derive_id(created.id, "message"),
        ticket=UUID(created.subject),
        sequence=0,
        author_kind=AuthorKind.CUSTOMER,
        author_name=name,
        text=text[:QUOTABLE],
        posted_at=created.time,
    )


def _posted(
    posted: MessagePosted, name: str | None, text: str, files: Sequence[Attachment]
) -> Message:
    is_agents = posted.data.author_kind is AuthorKind.AGENT
    return Message(
        id=posted.data.message,
        ticket=UUID(posted.subject),
        sequence=posted.data.sequence,
        author_kind=posted.data.author_kind,
        author_name=name,
        text=text if is_agents else text[:QUOTABLE],
        posted_at=posted.time,
        files=tuple(File(file.name, file.size_bytes) for file in files) if is_agents else (),
    )


@dataclass(frozen=True, slots=True)
class Unmailed:
    """What an agent wrote, and no mail carries yet."""

    message: UUID
    ticket: UUID
    address: str
    """The requester's."""
    requester: str
    """Their pseudonym."""
    posted_at: datetime
    caused_by: UUID
    correlation: UUID
    traceparent: str | None


@dataclass(frozen=True)  # no slots: settings take their defaults from here
class Pace:
    """How quickly replies go out."""

    delay: timedelta = timedelta(seconds=20)
    """What is written meanwhile goes with it."""
    per_thread_hour: int = 30
    """Mails to a customer about one ticket: what is more waits for the hour's end, as one."""


@dataclass(frozen=True, slots=True)
class Replies:
    """Mails that are new, and which message goes with which mail."""

    new: Sequence[Delivery]
    carried: Mapping[UUID, UUID]


def reply(
    unmailed: Sequence[Unmailed],
    *,
    waiting: Mapping[UUID, UUID],
    mailed: Mapping[UUID, Sequence[datetime]],
    pace: Pace,
    now: datetime,
) -> Replies:
    """Put what agents wrote into mails: into one that still waits, else into a new one.

    Args:
        unmailed: In the order in which it was written.
        waiting: By ticket, the reply that was never tried so far.
        mailed: By ticket, when its customer had, or will have, mails of the last hour.
        pace: How quickly.
        now: The present.
    """
    open_replies, new, carried = dict(waiting), [], {}
    for each in unmailed:
        if each.ticket not in open_replies:
            not_before = _in_turn(mailed.get(each.ticket, ()), pace, now)
            delivery = _reply(each, not_before, now)
            new.append(delivery)
            open_replies[each.ticket] = delivery.id
        carried[each.message] = open_replies[each.ticket]
    return Replies([_carrying(delivery, carried) for delivery in new], carried)


def _carrying(reply: Delivery, carried: Mapping[UUID, UUID]) -> Delivery:
    messages = tuple(message for message, mail in carried.items() if mail == reply.id)
    return replace(reply, messages=messages)


def _in_turn(mailed: Iterable[datetime], pace: Pace, now: datetime) -> datetime:
    """When the next mail may go: behind the delay, and only so many in an hour."""
    times = sorted(mailed)
    soon = now + pace.delay
    if len(times) < pace.per_thread_hour:
        return soon
    return max(soon, times[-pace.per_thread_hour] + HOUR)


def _reply(first: Unmailed, not_before: datetime, now: datetime) -> Delivery:
    return Delivery(
        id=derive_id(first.caused_by, DeliveryKind.REPLY),
        ticket=first.ticket,
        kind=DeliveryKind.REPLY,
        channel=NotificationChannel.EMAIL,
        lane=MAIL_LANE,
        address=first.address,
        person=first.requester,
        state=DeliveryState.PLANNED,
        not_before=not_before,
        attempts=0,
        uncertain=False,
        # However late we heard of it, it is tried for as long as any other.
        caused_at=now,
        ended_at=None,
        caused_by=first.caused_by,
        correlation=first.correlation,
        traceparent=first.traceparent,
        facts={},
    )
