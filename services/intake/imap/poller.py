"""A mailbox that is looked into, for those who can't have their mail brought.

A mail is marked only once the broker has it; whatever dies before that reads it again, and it is
the same ticket. So nothing is remembered here but which mails are to rest for a while, and of those
that can't be put away what became of them.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from services.intake.accepting import MailIntake, Outcome, Verdict
from services.intake.imap.mailbox import (
    PAGE,
    Account,
    CommandRefusedError,
    ImapError,
    Mailbox,
    UnusableError,
    Waiting,
)
from services.intake.mail import rules as mail_rules
from services.intake.threads import in_thread, start_thread
from shared import metrics
from shared.failpoints import failpoint

log = structlog.get_logger(__name__)


SOURCE: mail_rules.Source = "imap"
COMMAND_SECONDS = 120.0
"""For one command and its answer, however slowly that trickles."""
CLOSE_SECONDS = 2.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
UNUSABLE_PAUSE = 30.0
"""Not shorter: servers lock accounts whose password is tried too often."""
PUT_OFF_PAUSE = 5.0
"""While no mail can be taken, whichever it is."""
STEADY = timedelta(minutes=5)
"""A session that long was a good one: after it the pauses begin anew."""
FIRST_REST, LONGEST_REST = timedelta(minutes=1), timedelta(hours=1)
MOST_READS = 7
"""Tries, over two hours, to read a mail that the server gives no content of, before it is refused.
"""
HISTORY = timedelta(days=1)
"""What waited for longer when we first look is from before our time."""
STOP_WITHIN = 2.0

_UNREADABLE = Verdict(Outcome.REFUSED, 550, "5.6.0", "The mail can't be read", "unreadable")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Rest:
    """A mail that is not to be read before then."""

    until: datetime
    length: timedelta
    reads: int = 0
    """Tries to read it in a row that failed."""


class ImapPoller:
    """Looks into the mailbox again and again, as a part of the service.

    Args:
        account: Which mailbox.
        intake: What takes the mails.
        interval: Seconds between two looks, where the server doesn't tell sooner.
        clock: The present.
        jitter: A random number from 0 to 1.
    """

    name = SOURCE

    def __init__(
        self,
        account: Account,
        intake: MailIntake,
        *,
        interval: float,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
    ) -> None:
        self._account, self._intake, self._interval = account, intake, interval
        self._clock, self._jitter = clock, jitter
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._mailbox: Mailbox | None = None
        self._idle = False
        self._begun = False
        self._validity = 0
        self._resting: dict[int, _Rest] = {}
        self._decided: dict[int, Outcome] = {}

    async def start(self) -> None:
        """Begin, whether the mail server is there or not."""
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Let the mail at hand end, for 2 s at the most: it would be read again."""
        self._stopping.set()
        if self._task is None:
            return
        if self._idle and self._mailbox is not None:
            self._mailbox.cut()
        await asyncio.wait({self._task}, timeout=STOP_WITHIN)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def ready(self) -> str | None:
        """Always ready: no mail server may keep requests by HTTP from this replica.

        Whether the mailbox can be looked into, the log and `intake_imap_connected` tell.
        """
        return None

    async def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began, least = self._clock(), FIRST_PAUSE
            try:
                await self._session()
            except ImapError as error:
                least = UNUSABLE_PAUSE if isinstance(error, UnusableError) else FIRST_PAUSE
                self._complain(str(error))
            except TimeoutError:
                self._complain("the mail server is too slow")
            except Exception:  # a mistake of ours must not end the tries
                log.exception("imap_failed")
            failures = 0 if self._clock() - began > STEADY else min(failures + 1, 10)
            longest = max(least, min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE))
            await self._pause(longest * (1 + self._jitter()) / 2)

    def _complain(self, reason: str) -> None:
        if not self._stopping.is_set():
            log.warning("imap_away", reason=reason)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _session(self) -> None:
        mailbox = await in_thread(
            partial(Mailbox, self._account), seconds=COMMAND_SECONDS, too_late=Mailbox.close
        )
        self._mailbox = mailbox
        try:
            while not self._stopping.is_set():
                pause = await self._look(mailbox)
                if pause:
                    await self._pause(pause)
                else:
                    await self._wait(mailbox)
            await in_thread(mailbox.close, seconds=CLOSE_SECONDS)
        finally:
            self._mailbox = None
            metrics.IMAP_CONNECTED.set(0)
            mailbox.cut()
            # Whoever still waits in a thread is told by now; the connection is left open by nobody.
            start_thread(mailbox.close)

    async def _wait(self, mailbox: Mailbox) -> None:
        self._idle = True
        try:
            # Between a stop and this, nobody would cut it.
            if not self._stopping.is_set():
                await self._do(lambda: mailbox.wait(self._interval), more=self._interval)
        finally:
            self._idle = False

    async def _look(self, mailbox: Mailbox) -> float:
        """Deal with all that waits; the seconds to pause if that can't be done now, or 0."""
        validity = await self._do(mailbox.open)
        if not self._begun:
            yesterday = (self._clock() - HISTORY).date()
            await self._do(partial(mailbox.refuse_history, yesterday))
            self._begun = True
        uids = await self._do(mailbox.waiting)
        metrics.IMAP_CONNECTED.set(1)
        metrics.IMAP_WAITING.set(len(uids))
        self._forget_all_but(uids, validity)
        due = [uid for uid in uids if self._is_due(uid)]
        for start in range(0, len(due), PAGE):
            page = due[start : start + PAGE]
            for waiting in await self._do(partial(mailbox.look, page)):
                if self._stopping.is_set():
                    return 0
                if not await self._deal_with(mailbox, waiting):
                    return PUT_OFF_PAUSE
        return 0

    def _forget_all_but(self, uids: Sequence[int], validity: int) -> None:
        if validity != self._validity:
            self._validity, self._resting, self._decided = validity, {}, {}
        self._resting = {uid: self._resting[uid] for uid in uids if uid in self._resting}
        self._decided = {uid: self._decided[uid] for uid in uids if uid in self._decided}
        metrics.IMAP_RESTING.set(sum(not self._is_due(uid) for uid in uids))

    async def _deal_with(self, mailbox: Mailbox, waiting: Waiting) -> bool:
        """Take or refuse one mail, or let it rest; whether it is worth going on with others."""
        uid, outcome = waiting.uid, self._decided.get(waiting.uid)
        if outcome is None:
            verdict = await self._judge(mailbox, waiting)
            if verdict is None:
                return True
            failpoint("intake.imap_judged")
            if verdict.outcome is Outcome.DEFERRED:
                return not verdict.for_all
            outcome = self._decided[uid] = verdict.outcome
        await self._put_away(mailbox, uid, outcome)
        return True

    async def _judge(self, mailbox: Mailbox, waiting: Waiting) -> Verdict | None:
        """What becomes of a mail, or None if nobody can say now."""
        uid, most = waiting.uid, self._intake.most_bytes
        if waiting.size > most:
            return self._intake.refuse_large(SOURCE)
        before = self._resting.get(uid)
        reads = before.reads if before is not None else 0
        if reads >= MOST_READS:
            return _refuse_unreadable()
        # One that the server can't read, or dies of, must not keep the others from being read.
        self._let_rest(uid, reads=reads + 1)
        content = await self._read(mailbox, uid)
        if content is None:
            return None
        rest = self._resting.pop(uid)
        if len(content) > most:
            return self._intake.refuse_large(SOURCE)
        envelope = mail_rules.Envelope(mail_from=None, rcpt_to=(), source=SOURCE)
        verdict = await self._intake.accept(content, envelope)
        if verdict.outcome is Outcome.DEFERRED and not verdict.for_all:
            self._resting[uid] = replace(rest, reads=0)
        return verdict

    async def _read(self, mailbox: Mailbox, uid: int) -> bytes | None:
        try:
            return await self._do(partial(mailbox.read, uid, self._intake.most_bytes))
        except CommandRefusedError as error:
            log.warning("imap_mail_unreadable", uid=uid, reason=str(error))
            metrics.IMAP_TROUBLES.labels("read").inc()
            return None
        except (ImapError, TimeoutError):
            metrics.IMAP_TROUBLES.labels("read").inc()
            raise

    async def _put_away(self, mailbox: Mailbox, uid: int, outcome: Outcome) -> None:
        """Where that fails, what is known of the mail stays: only this is tried again."""
        self._let_rest(uid)
        put = mailbox.refuse if outcome is Outcome.REFUSED else mailbox.take
        try:
            await self._do(partial(put, uid))
        except CommandRefusedError as error:
            log.error("imap_mail_stays", uid=uid, reason=str(error))  # noqa: TRY400 - the server's
            metrics.IMAP_TROUBLES.labels("put_away").inc()
            return
        del self._resting[uid], self._decided[uid]

    def _is_due(self, uid: int) -> bool:
        rest = self._resting.get(uid)
        return rest is None or rest.until <= self._clock()

    def _let_rest(self, uid: int, *, reads: int = 0) -> None:
        before = self._resting.get(uid)
        length = FIRST_REST if before is None else min(before.length * 2, LONGEST_REST)
        self._resting[uid] = _Rest(self._clock() + length, length, reads)

    async def _do(self, work: Callable[[], T], *, more: float = 0) -> T:
        return await in_thread(work, seconds=COMMAND_SECONDS + more)


def _refuse_unreadable() -> Verdict:
    metrics.MAILS.labels(SOURCE, Outcome.REFUSED).inc()
    log.error("mail_refused", source=SOURCE, cause=_UNREADABLE.cause)
    return _UNREADABLE
