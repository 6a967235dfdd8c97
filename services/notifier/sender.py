"""Sends what is planned, several deliveries at once on each lane, and keeps what became of each.

A lane takes its next delivery as soon as it has a place: what is claimed is tried at once, so that
its hold covers the try and no queue, and one that hangs keeps one place of its lane, not all.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.notifier import concluding, domain, lanes, store
from services.notifier.channels import Way
from services.notifier.concluding import Try
from services.notifier.deliveries import (
    About,
    Accepted,
    Answer,
    Content,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Lost,
    Refused,
)
from services.notifier.lanes import Lane
from services.notifier.steps import When, at_all_times
from shared import metrics, tracing
from shared.database import Database
from shared.failpoints import failpoint
from shared.faults import is_passing
from shared.notifications import NotificationChannel
from shared.worker import Worker

log = structlog.get_logger(__name__)


_PROTOCOLS: Mapping[NotificationChannel, Mapping[str, tracing.Attribute]] = {
    kind: {"network.protocol.name": "smtp" if kind is NotificationChannel.EMAIL else "http"}
    for kind in NotificationChannel
}
IDLE = 0.1
"""Seconds between looks for deliveries while there are none."""
KEEP_AGAIN_AFTER, KEEP_AGAIN_AFTER_LONGEST = 0.2, 2.0
"""Seconds until an answer that the database didn't take is brought to it again, at first and as
these pauses double."""
FINISH_WITHIN = 4.0
"""Seconds that tries under way have at a stop; what is cut off comes again after its hold."""

Compose = Callable[[Delivery, About], Content]
"""Makes what is handed over; the same delivery must be known as such at every try."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long deliveries are tried."""

    hold: timedelta
    """Until another sender may take over."""
    give_up_after: timedelta

    @property
    def within(self) -> timedelta:
        """How long a try may take.

        The rest of its hold is for keeping the outcome, and for clocks that differ.
        """
        return self.hold / 2


class Sender:
    """A part of the service: sends from its start to its stop, then closes the channels.

    Nobody can promise exactly once. A second copy is possible only where a sender died, lost the
    line, or had no database as long as its hold lasted, between the other side's taking a delivery
    and our commit; it carries the same Message-ID, webhook-id or dedup_key, and is counted.
    """

    name = "sender"

    def __init__(
        self,
        database: Database,
        ways: Sequence[Way],
        *,
        compose: Compose,
        clock: Callable[[], datetime],
        limits: Limits,
        when: When = at_all_times,
    ) -> None:
        self._database = database
        self._ways = {way.lane: way for way in ways}
        self._lanes = {way.lane: Lane(way.places) for way in ways}
        self._compose = compose
        self._clock = clock
        self._limits = limits
        self._tries: set[asyncio.Task[None]] = set()
        self._worker = Worker(self.name, when(self._step), idle=IDLE)

    async def start(self) -> None:
        """Begin."""
        await self._worker.start()

    async def stop(self) -> None:
        """Let tries under way end, for 4 s at the most, and take leave of the other sides."""
        await self._worker.stop()
        if self._tries:
            await asyncio.wait(self._tries, timeout=FINISH_WITHIN)
        left = list(self._tries)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        closing = (way.channel.close() for way in self._ways.values())
        await asyncio.gather(*closing, return_exceptions=True)

    def ready(self) -> str | None:
        """Why it makes no progress, or None."""
        return self._worker.ready()

    async def _step(self) -> bool:
        """Begin as many tries as there are places; each that ends wakes the next step."""
        free = self._free()
        if not free:
            return False
        async with self._database.transaction() as connection:
            now = self._clock()
            claimed = await store.claim(
                connection, now=now, held_until=now + self._limits.hold, free=free
            )
            await store.begin_tries(connection, claimed, at=now)
            about = await store.read_about(connection, claimed)
            traces = await store.read_traces(connection, claimed) if tracing.is_on() else {}
        if claimed:
            failpoint("notifier.claimed")
        for delivery in claimed:
            self._begin(delivery, about[delivery.id], traces.get(delivery.id))
        return False

    def _free(self) -> Mapping[str, int]:
        now = _seconds()
        places = {name: lane.free(now) for name, lane in self._lanes.items()}
        return {name: free for name, free in places.items() if free}

    def _begin(self, delivery: Delivery, about: About, trace: str | None) -> None:
        self._lanes[delivery.lane].begin(delivery.id)
        self._measure(delivery.lane)
        task = asyncio.create_task(self._traced(delivery, about, trace))
        self._tries.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tries.discard(task)
        self._worker.wake()

    async def _traced(self, delivery: Delivery, about: About, trace: str | None) -> None:
        """One try, in the trace in which the delivery was planned."""
        name, parent = f"deliver {delivery.kind}", trace or delivery.traceparent
        with tracing.span(name, parent=parent, attributes=_traits(delivery)):
            await self._try(delivery, about)

    async def _try(self, delivery: Delivery, about: About) -> None:
        works: bool | None = None
        try:
            tried, works = await self._send(delivery, about)
        finally:
            self._lanes[delivery.lane].end(delivery.id, works=works, now=_seconds())
            self._measure(delivery.lane)
        failpoint("notifier.smtp_answered")
        try:
            outcome = await self._conclude(tried)
        except Exception:
            # Mostly the database was away for too long: it is tried again when its hold runs out.
            log.exception("outcome_not_kept", **_names(delivery))
            return
        failpoint("notifier.concluded")
        if outcome is None:
            log.warning("taken_over", **_names(delivery))
        else:
            self._count(outcome, tried)

    async def _conclude(self, tried: Try) -> domain.Outcome | None:
        """Keep what a try came to, or None if another sender has taken over.

        A database that falters for a moment costs no second copy: the answer is brought to it again
        for as long as nobody else may take over.
        """
        answered, pause = self._clock(), KEEP_AGAIN_AFTER
        while True:
            try:
                async with self._database.transaction() as connection:
                    return await concluding.conclude(
                        connection,
                        tried,
                        now=answered,
                        give_up_after=self._limits.give_up_after,
                    )
            except Exception as error:
                again_at = self._clock() + timedelta(seconds=pause)
                if not is_passing(error) or again_at > tried.delivery.not_before:
                    raise
                log.warning(
                    "outcome_kept_later", **_names(tried.delivery), error=type(error).__name__
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, KEEP_AGAIN_AFTER_LONGEST)

    async def _send(self, delivery: Delivery, about: About) -> tuple[Try, bool | None]:
        """One try, and whether it shows that the other side works as a whole."""
        if delivery.withdrawn_by is not None:
            # Its sender died, and what it says was retracted meanwhile.
            return Try(delivery, Lost(after_data=False, detail="not sent: withdrawn"), None), None
        if delivery.kind is DeliveryKind.DIGEST and not about.carried:
            return Try(delivery, None, None), None
        try:
            content = self._compose(delivery, about)
        except Exception as error:
            # A mistake of ours, or in a template of the organisation's. As a conclusion it comes
            # again with pauses, and ends some day; it is no fault of the other side's.
            log.exception("delivery_broke", **_names(delivery))
            detail = f"could not be composed: {type(error).__name__}"
            return Try(delivery, Lost(after_data=False, detail=detail), None), None
        failpoint("notifier.composed")
        return await self._hand_over(delivery, content)

    async def _hand_over(self, delivery: Delivery, content: Content) -> tuple[Try, bool | None]:
        way = self._ways[delivery.lane]
        if self._clock() + self._limits.within > delivery.not_before:
            # We stood still for a while: before this try ended, another sender might begin its own.
            log.warning("begun_too_late", **_names(delivery))
            detail = "not sent: too little was left of its time"
            return Try(delivery, Lost(after_data=False, detail=detail), None), None
        try:
            with tracing.span(f"send {way.kind}", "client", attributes=_PROTOCOLS[way.kind]):
                answer = await way.channel.send(delivery, content)
                _note(answer)
        except Exception as error:
            # A mistake of ours; that what broke under way did not arrive, nobody knows.
            log.exception("delivery_broke", **_names(delivery))
            detail = f"broke under way: {type(error).__name__}"
            return Try(delivery, Lost(after_data=True, detail=detail), content), None
        return Try(delivery, answer, content), lanes.works(way.kind, answer)

    def _measure(self, lane: str) -> None:
        state = self._lanes[lane]
        metrics.IN_FLIGHT.labels(lane).set(state.in_flight)
        metrics.LANE_OPEN.labels(lane).set(state.is_open)

    def _count(self, outcome: domain.Outcome, tried: Try) -> None:
        delivery = outcome.delivery
        metrics.TRIES.labels(
            delivery.lane, delivery.kind, concluding.came_to(tried.answer)[0]
        ).inc()
        if delivery.state is DeliveryState.SENT:
            taken_at = delivery.ended_at or self._clock()
            latency = (taken_at - delivery.counts_from).total_seconds()
            metrics.LATENCY.labels(delivery.kind).observe(latency)
            metrics.SECOND_COPIES.inc(delivery.uncertain)
        log.info(
            "delivery_tried",
            **_names(delivery),
            kind=delivery.kind,
            lane=delivery.lane,
            state=delivery.state,
            attempt=delivery.attempts,
            code=tried.answer.code if isinstance(tried.answer, Refused) else None,
        )


def _seconds() -> float:
    """A clock that never goes back."""
    return asyncio.get_running_loop().time()


def _traits(delivery: Delivery) -> dict[str, tracing.Attribute]:
    """What a span tells of a delivery."""
    return {
        "careline.delivery": str(delivery.id),
        "careline.lane": delivery.lane,
        "careline.attempt": delivery.attempts,
        **({"careline.ticket": str(delivery.ticket)} if delivery.ticket else {}),
    }


def _note(answer: Answer) -> None:
    """Tell in the span what the other side answered; not in its words."""
    if not isinstance(answer, Accepted):
        tracing.failed(type(answer).__name__)
    if isinstance(answer, Refused) and answer.code is not None:
        tracing.note({"careline.answer_code": answer.code})


def _names(delivery: Delivery) -> dict[str, str]:
    """What every line about a delivery names."""
    return {
        "delivery": str(delivery.id),
        "ticket": str(delivery.ticket),
        "correlation": str(delivery.correlation),
    }
