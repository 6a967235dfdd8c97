"""The promises, held against the stream: records in, violations out.

Pure and incremental. Records may come in any order across partitions and topics; they are kept
until every partition was heard past them, and then taken in by the brokers' time. Time passes only
by what was heard, so the same stream gives the same findings however it was cut into pieces.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import count

from deploy.auditor.case import Case
from deploy.auditor.promises import Findings, Promise, Register, Terms, Violation
from deploy.auditor.record import Place, Record


class Checks:
    """What is known of the tickets of late.

    Args:
        terms: How long things may take, and how much is remembered.
        since: From when on the whole stream is heard: what began before is judged by halves.
    """

    def __init__(self, terms: Terms, since: datetime) -> None:
        self.terms = terms
        self.until = since
        """Up to when everything was heard."""
        self.forgotten = 0
        """Tickets that were let go although they owed something: there were too many."""
        self.register = Register()
        self._since = since
        self._pending: list[tuple[datetime, Place, int, Record]] = []
        self._looks: list[tuple[datetime, int, str]] = []
        self._numbers = count()
        self._stamps: dict[tuple[str, int], datetime] = {}
        self._cases: OrderedDict[str, Case] = OrderedDict()
        self._settled: OrderedDict[str, None] = OrderedDict()

    @property
    def tracked(self) -> int:
        """How many tickets are remembered."""
        return len(self._cases)

    @property
    def pending(self) -> int:
        """How many records wait until all was heard up to them."""
        return len(self._pending)

    @property
    def open(self) -> dict[Promise, int]:
        """How many violations of each promise are open."""
        return self.register.counts

    def hear(self, record: Record) -> None:
        """Take a record; of one partition in order."""
        log = record.place[:2]
        # A broker's clock may be set back; within one partition the order is what counts.
        stamp = max(record.appended, self._stamps.get(log, record.appended))
        self._stamps[log] = stamp
        heapq.heappush(self._pending, (stamp, record.place, next(self._numbers), record))

    def judge(self, until: datetime) -> Findings:
        """Say what is broken and what is mended, given that all was heard up to an instant."""
        found: list[Violation] = []
        healed: list[Violation] = []
        for ticket, at in self._steps(until):
            findings = self._look(ticket, at)
            found += findings.found
            healed += findings.healed
        self.until = max(self.until, until)
        return Findings(tuple(found), tuple(healed))

    def begun(self, since: datetime, until: datetime) -> Iterator[Case]:
        """The tickets whose beginning was heard in that time."""
        for case in self._cases.values():
            if case.begun is not None and since <= case.begun < until:
                yield case

    def case(self, ticket: str) -> Case | None:
        """What is known of a ticket."""
        return self._cases.get(ticket)

    def _steps(self, until: datetime) -> Iterator[tuple[str, datetime]]:
        """Which tickets to look at, in the order of time: after a record, or when time is up."""
        while True:
            record_at = self._pending[0][0] if self._pending else until
            look_at = self._looks[0][0] if self._looks else until
            if look_at < until and look_at <= record_at:
                at, _, ticket = heapq.heappop(self._looks)
                if (case := self._cases.get(ticket)) and case.look_at == at:
                    case.queued = None
                    yield ticket, at
            elif record_at < until:
                at, _, _, record = heapq.heappop(self._pending)
                yield self._take(record), at
            else:
                return

    def _take(self, record: Record) -> str:
        ticket = record.subject
        case = self._cases.get(ticket)
        if case is None:
            case = self._cases[ticket] = Case(ticket, record.appended)
        self._settled.pop(ticket, None)
        case.hear(record, self.terms, self._since)
        return ticket

    def _look(self, ticket: str, at: datetime) -> Findings:
        case = self._cases[ticket]
        case.fold(at, self.terms)
        standing = case.standing(at, self.terms)
        findings = self.register.differ(case.open, standing)
        case.open = {violation.key for violation in standing}
        if case.look_at is not None and case.look_at != case.queued:
            case.queued = case.look_at
            heapq.heappush(self._looks, (case.look_at, next(self._numbers), ticket))
        if case.is_settled:
            self._settled[ticket] = None
        return self._merge(findings, self._make_room())

    def _make_room(self) -> Iterable[Findings]:
        """Forget the tickets that were quiet for longest; one that owes something if need be."""
        while len(self._cases) > self.terms.tickets:
            if self._settled:
                case = self._cases.pop(self._settled.popitem(last=False)[0])
            else:
                _, case = self._cases.popitem(last=False)
                self.forgotten += 1
            # Of what comes of it again nobody can tell any more whether it had a beginning.
            self._since = max(self._since, case.last)
            yield self.register.differ(case.open, ())

    @staticmethod
    def _merge(first: Findings, others: Iterable[Findings]) -> Findings:
        found, healed = list(first.found), list(first.healed)
        for each in others:
            found += each.found
            healed += each.healed
        return Findings(tuple(found), tuple(healed))
