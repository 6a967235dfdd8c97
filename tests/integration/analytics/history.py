"""Three weeks of a desk, as records on the stream: documented examples, with other facts in them.

Small enough to count by hand. Nothing of the services is used: what analytics reads is what
`docs/events/` says.
"""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.support.schemas import EXAMPLES

Record = dict[str, Any]

AS_OF = datetime(2026, 11, 25, 12, tzinfo=UTC)
"""A Wednesday; Monday the 9th begins week 46."""
TARGETS = {"advanced": 14_400, "starter": 57_600}


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant in November 2026, UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def written(instant: datetime) -> str:
    """As the stream writes it."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def ticket_id(name: str) -> str:
    """The id of a ticket that is called so here."""
    return str(uuid5(NAMESPACE_URL, f"ticket {name}"))


def event(kind: str, subject: str, time: datetime, /, **facts: Any) -> Record:  # noqa: ANN401 - whatever the type has
    """A record of a type: its documented example, of this subject and time, with these facts.

    A fact that is `None` is left out.
    """
    record: Record = json.loads(EXAMPLES[f"careline.{kind}.v1"].read_text(encoding="utf-8"))
    told = f"{kind} {subject} {written(time)} {json.dumps(facts, default=str, sort_keys=True)}"
    record |= {
        "id": str(uuid5(NAMESPACE_URL, told)),
        "subject": subject,
        "time": written(time),
        "correlationid": str(uuid5(NAMESPACE_URL, subject)),
    }
    record["data"] |= facts
    record["data"] = {name: value for name, value in record["data"].items() if value is not None}
    return record


class Ticket:
    """What is said of one ticket, in order."""

    def __init__(self, name: str, plan: str, channel: str, came: datetime) -> None:
        self.id, self.plan, self.came = ticket_id(name), plan, came
        self._revisions: dict[str, int] = {}
        self.said = [
            event("ticket.created", self.id, came, channel=channel, queue="support"),
            event(
                "ticket.slotted",
                self.id,
                came,
                plan=plan,
                priority="normal",
                targets=[
                    {
                        "clock": "first_response",
                        "target_seconds": TARGETS[plan],
                        "due": written(came + timedelta(seconds=TARGETS[plan])),
                    }
                ],
            ),
        ]
        self.clock("scheduled", "running", came)

    def clock(
        self,
        what: str,
        state: str,
        time: datetime,
        *,
        of: str = "first_response",
        **facts: Any,  # noqa: ANN401 - whatever the type has
    ) -> "Ticket":
        """Something is said of one of its clocks."""
        revision = self._revisions[of] = self._revisions.get(of, 0) + 1
        due = None if state == "paused" else written(self.came + timedelta(hours=4))
        promise = {
            "clock": of,
            "cycle": 1,
            "revision": revision,
            "state": state,
            "plan": self.plan,
            "started": written(self.came),
            "target_seconds": TARGETS[self.plan],
            "due": due,
        }
        self.said.append(event(f"deadline.{what}", self.id, time, **promise, **facts))
        return self

    def met(self, time: datetime, elapsed: float | None, *, of: str = "first_response") -> "Ticket":
        """What was owed was done, after so much working time."""
        facts = {"met": written(time), "elapsed_seconds": elapsed}
        return self.clock("met", "met", time, of=of, **facts)

    def status(self, status: str, previous: str, time: datetime) -> "Ticket":
        """It is set to another status."""
        facts = {"status": status, "previous": previous}
        self.said.append(event("ticket.status_changed", self.id, time, **facts))
        return self


def tickets() -> list[Ticket]:
    """Nine tickets: met, breached, retracted, paused, cancelled, running."""
    return [
        Ticket("A1", "advanced", "web", at(9, 10))
        .met(at(9, 10, 30), 1_800)
        .clock("scheduled", "running", at(9, 10), of="resolution")
        .met(at(10, 10), 28_800, of="resolution")
        .status("resolved", "open", at(10, 10))
        .clock("resumed", "running", at(11, 9), of="resolution")
        .status("open", "resolved", at(11, 9))
        .met(at(12, 9), 57_600, of="resolution")
        .status("resolved", "open", at(12, 9)),
        Ticket("A2", "advanced", "mail", at(10, 11))
        .clock("breached", "breached", at(10, 15), elapsed_seconds=14_400)
        .clock("breach_retracted", "met", at(10, 15, 1))
        .met(at(10, 14, 59), 14_340),
        Ticket("A3", "advanced", "web", at(16, 10))
        .clock("breached", "breached", at(16, 14), elapsed_seconds=14_400)
        .status("resolved", "open", at(16, 18)),
        Ticket("A4", "advanced", "web", at(17, 10))
        .met(at(17, 11), 3_600)
        .clock("scheduled", "running", at(17, 10), of="resolution")
        .clock("paused", "paused", at(17, 11), of="resolution", pauses=[], left_seconds=3_600.0)
        .status("pending", "open", at(17, 11)),
        Ticket("A5", "advanced", "api", at(17, 12))
        .met(at(17, 13), None)  # from before working time was said
        .status("closed", "open", at(18, 12)),
        Ticket("S4", "starter", "web", at(22, 23, 30)).met(at(22, 23, 31), 60),
        _handed_over(Ticket("S1", "starter", "web", at(23, 9))),
        Ticket("S2", "starter", "chat", at(23, 10))
        .clock("cancelled", "cancelled", at(23, 10, 30), cancelled=written(at(23, 10, 30)))
        .status("closed", "open", at(23, 10, 30)),
        Ticket("S3", "starter", "web", at(24, 23, 30)),
    ]


def _handed_over(ticket: Ticket) -> Ticket:
    facts = {"queue": "billing", "previous_queue": "support"}
    ticket.said.append(event("ticket.assigned", ticket.id, ticket.came, **facts))
    warned = ticket.came + timedelta(hours=2)
    return ticket.clock("at_risk", "running", warned, warned=written(warned))


def messages() -> list[Record]:
    """An answer, a note and a customer's reply, all in one thread."""
    thread = ticket_id("A1")
    agent = {"author_kind": "agent", "author": "agent-7"}
    customer = {"author_kind": "customer", "author": "r-6106a9a571b9bd9bdd95ddd95a9c167e"}
    return [
        event("message.posted", thread, at(9, 10, 30), visibility="public", **agent),
        event("message.posted", thread, at(9, 10, 31), visibility="note", **agent),
        event("message.posted", thread, at(11, 9), channel="mail", visibility="public", **customer),
    ]


def notifications() -> list[Record]:
    """Three acknowledgements that were taken, one that was refused and one that is not sent."""
    kind = {"kind": "acknowledgement", "channel": "email", "template": "acknowledgement"}
    latencies = {"A1": 0.5, "A2": 1.5, "A3": 2.5}
    return [
        *(
            event(
                "notification.sent",
                ticket_id(name),
                at(20, 10),
                latency_seconds=latency,
                second_copy_possible=name == "A3",
                **kind,
            )
            for name, latency in latencies.items()
        ),
        event("notification.failed", ticket_id("A4"), at(20, 10), **kind),
        event("notification.suppressed", ticket_id("A5"), at(20, 10), **kind),
    ]


def plan_changes() -> list[Record]:
    """An account comes on starter, and is on advanced a week later."""
    first = _change("starter", None, at(9, 8))
    second = _change("advanced", "starter", at(17, 8))
    return [
        event("account.plan_changed", "an-account", at(9, 8), **first, plans=[_listed(first)]),
        event(
            "account.plan_changed",
            "an-account",
            at(17, 8),
            **second,
            plans=[_listed(first), _listed(second)],
        ),
    ]


def _change(plan: str, previous: str | None, since: datetime) -> Record:
    change = str(uuid5(NAMESPACE_URL, f"{plan} {since}"))
    return {
        "account": "an-account",
        "change": change,
        "plan": plan,
        "previous": previous,
        "since": written(since),
        "changed_by": "admin-1",
    }


def _listed(change: Record) -> Record:
    listed = {name: value for name, value in change.items() if value is not None}
    del listed["account"]
    return listed | {"changed": change["since"]}


def unknown() -> Record:
    """A type that came later, with fields that nobody here has heard of."""
    record = copy.deepcopy(event("ticket.priority_changed", ticket_id("A1"), at(25, 9)))
    record |= {"type": "careline.ticket.praised.v3", "mood": "sunny"}
    record["data"] = {"stars": 5, "by": {"kind": "customer"}, "private": {"text": "Thanks!"}}
    return record


_TOPIC_OF = {
    "ticket": "tickets",
    "message": "messages",
    "deadline": "sla",
    "notification": "notifications",
    "account": "accounts",
}


def topic(record: Record) -> str:
    """On which topic a record belongs."""
    kind = str(record["type"]).removeprefix("careline.")
    return "sla" if kind == "ticket.slotted.v1" else _TOPIC_OF[kind.partition(".")[0]]


def everything() -> list[Record]:
    """All of it, the tickets' in order of time; one record comes twice."""
    said = [record for ticket in tickets() for record in ticket.said]
    said = sorted(said, key=lambda record: str(record["time"]))
    return [*said, said[0], *messages(), *notifications(), *plan_changes(), unknown()]
