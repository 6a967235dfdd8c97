"""A history of all that happens to tickets in messaging, and what it keeps of it.

sla, notifier and messaging are real; what intake says is said by its own code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import httpx

from services.messaging import doing
from services.messaging.guarded import Guarded
from services.messaging.visitors import Visitor
from shared.database import Database
from shared.envelope import Topic
from shared.events import Event, TicketCreated
from shared.links import make_link
from shared.messages import MessageReceived
from shared.publisher import Outgoing, Publisher
from shared.topics import topic_name
from tests.support import said, said_mails
from tests.support.desk import SECRET, Desk
from tests.support.sealing import sealing
from tests.support.sla_desk import put_plan
from tests.support.waiting import until

ACCOUNT, UPGRADED, WISHING = "an-account", "an-upgraded-account", "a-wishing-account"
FORGOTTEN, LOST = "r-forgotten", "r-lost"
"""Who asks to be forgotten, and who lost one key alone."""
LARGE = bytes(range(256)) * 2500
"""Two parts of a file."""
SMALL = b"name;count\n"


@dataclass
class History:
    """Tells a desk of tickets of every kind; of each it knows by a name.

    Args:
        desk: Of which sla, notifier and messaging run.
    """

    desk: Desk
    tickets: dict[str, TicketCreated] = field(default_factory=dict)
    keys: dict[str, bytes] = field(default_factory=dict)
    """What opens the personal part of each."""
    _client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=30))
    _keys: int = 0

    async def tell(self) -> None:
        """Everything, until all services have heard of it and said what follows."""
        await put_plan(self.desk, ACCOUNT, "centurion", since="2026-01-01T00:00:00Z")
        await put_plan(self.desk, UPGRADED, "starter", since="2026-01-01T00:00:00Z")
        async with self._client:
            await self._of_one_ticket()
            await self._of_files_and_mails()
            await self._of_merges()
            await self._of_plans()
            await self._of_links()
            await self._of_people()
            await self._settle()

    async def say(self, *events: Event) -> list[bytes]:
        """Put events of intake on the stream as it seals them; returns the ids of the keys."""
        records = sealing(self.desk.namespace).records(events)
        await self._publish(records.keys)
        await self._publish(records.sealed)
        return [record.key for record in records.keys]

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        servers = self.desk.stack.bootstrap_servers
        publisher = Publisher(servers, deadline=30, client_id="history")
        await publisher.start()
        try:
            await publisher.publish(records)
        finally:
            await publisher.stop()

    async def _of_one_ticket(self) -> None:
        """Answers, notes, status there and back, priority, whose it is, tags."""
        await self.open("busy")
        await self.write("busy", "agent", text="What did you do?")
        await self.write("busy", "agent", text="He sounds upset.", visibility="note")
        await self.put("busy", "status", status="pending")
        await self.write("busy", "customer", text="Nothing!")
        await self.put("busy", "priority", priority="urgent")
        await self.put("busy", "assignment", assignee="a-agent", queue="second-line")
        await self.put("busy", "assignment", assignee=None)
        await self.put("busy", "assignment", assignee="a-agent")
        await self.put("busy", "tags", tags=["login", "browser"])
        await self.put("busy", "tags", tags=["login"])
        await self.put("busy", "status", status="on_hold")
        await self.open("closed")
        await self.put("closed", "status", status="closed")
        await self.open("solved")
        await self.put("solved", "status", who="customer", status="closed")
        await self.open("quiet")

    async def _of_files_and_mails(self) -> None:
        created = await self.open("mailed")
        file = said_mails.attachment(created, LARGE, key="with a file")
        mails = [
            said_mails.message_received(created, "plain", quoted="> What did you do?"),
            said_mails.message_received(created, "with a file", attachments=(file,)),
            said_mails.message_received(created, "of a machine", automatic=True),
        ]
        parts = said_mails.attachment_parts(created, file, LARGE)
        await self.say(*parts[1:], *mails, *parts[:1])
        await self.heard(*mails)
        await self.write("mailed", "agent", text="See there", files={"large.bin": LARGE})
        await self.write("mailed", "customer", text="", files={"a.csv": SMALL, "b.csv": b""})
        stray = said.ticket_created("nowhere")
        await self.say(said_mails.message_received(stray, "stray"))

    async def _of_merges(self) -> None:
        """Two steps, what is written meanwhile, and one of them undone."""
        for name in ("first", "second", "third"):
            await self.open(name)
        await self.put("first", "merge", into=self.tickets["second"].subject)
        await self.put("second", "merge", into=self.tickets["third"].subject)
        mail = said_mails.message_received(self.tickets["first"], "to what is gone")
        await self.say(mail)
        await self.heard(mail)
        await self.write("second", "customer", text="To what is gone")
        await self.delete("first", "merge")
        await self.write("first", "customer", text="By itself again")

    async def _of_plans(self) -> None:
        """Wishes that are granted, declined, dismissed, or wait."""
        await self.open("upgrade", account=UPGRADED)
        await self.slotted("upgrade")
        await self.write("upgrade", "customer", asks_for_plan="professional", account=UPGRADED)
        await self.post("upgrade", "plan-change", plan="professional")
        await self.asked_plan("upgrade", None)
        for name in ("declined", "dismissed", "wishing"):
            await self.open(name, account=WISHING)
            await self.slotted(name)
            await self.write(name, "customer", asks_for_plan="centurion", account=WISHING)
        await self.post("declined", "plan-change", plan="no-such-plan")
        await self.delete("dismissed", "plan-change")

    async def _of_links(self) -> None:
        """One was taken back, another is made afterwards, and one of another ticket holds."""
        for name in ("linked", "unlinked"):
            await self.open(name, linked=True)
        await self.acknowledged("unlinked")
        await self.revoke("unlinked")

    async def _of_people(self) -> None:
        """One is forgotten; of another a key is gone."""
        created = await self.open("forgotten", requester=FORGOTTEN)
        await self.say(said_mails.message_received(created, "forgotten"))
        await self.write("forgotten", "agent", text="Dear friend")
        await self.acknowledged("forgotten")
        await self.open("lost", requester=LOST)
        await self.write("lost", "agent", text="Some answer")
        # Without its key nobody could write to them any more.
        await self.acknowledged("lost")
        await self._publish(
            [Outgoing(topic_name(self.desk.namespace, Topic.KEYS), self.keys["lost"], None)]
        )
        url = f"{self.desk.url('messaging')}/v1/privacy/erasures"
        body, headers = {"person": FORGOTTEN}, self.desk.bearer("admin")
        answer = await self._client.post(url, json=body, headers=headers)
        assert answer.status_code == 202, answer.text

        async def is_erased() -> bool:
            rows = await self.desk.query("messaging", "SELECT state FROM erasures")
            return [row["state"] for row in rows] == ["erased"]

        await until(is_erased, within=60, what="somebody is forgotten")

    async def open(
        self,
        name: str,
        *,
        account: str = ACCOUNT,
        requester: str = said.REQUESTER,
        linked: bool = False,
    ) -> TicketCreated:
        """A ticket, once its thread is there."""
        created = _created(name, account, requester)
        if linked:
            link = make_link(SECRET, name, expires=said.now() + timedelta(days=3)).link
            created = _with(created, link=link)
        self.tickets[name] = created
        (self.keys[name],) = await self.say(created)
        await self._there("SELECT 1 FROM threads WHERE ticket = $1", name)
        return created

    async def write(
        self,
        name: str,
        who: str,
        *,
        files: dict[str, bytes] | None = None,
        account: str = ACCOUNT,
        **fields: str,
    ) -> None:
        """Somebody writes into a ticket."""
        self._keys += 1
        headers = self._who(who, account) | {
            "Idempotency-Key": f"key {self._keys}".replace(" ", "-")
        }
        fields = {"text": "Some words"} | fields
        if files is None:
            answer = await self._client.post(
                self.url(name, "messages"), json=fields, headers=headers
            )
        else:
            sent = [("file", (file, content, "text/csv")) for file, content in files.items()]
            answer = await self._client.post(
                self.url(name, "messages"), data=fields, files=sent, headers=headers
            )
        assert answer.is_success, answer.text

    async def put(self, name: str, what: str, *, who: str = "agent", **body: Any) -> None:  # noqa: ANN401 - JSON
        """Somebody sets something about a ticket."""
        answer = await self._client.put(self.url(name, what), json=body, headers=self._who(who))
        assert answer.is_success, answer.text

    async def post(self, name: str, what: str, **body: str) -> None:
        """An agent asks for something."""
        answer = await self._client.post(
            self.url(name, what), json=body, headers=self._who("agent")
        )
        assert answer.is_success, answer.text

    async def delete(self, name: str, what: str) -> None:
        """An agent undoes something, or is done with it."""
        answer = await self._client.delete(self.url(name, what), headers=self._who("agent"))
        assert answer.is_success, answer.text

    async def revoke(self, name: str) -> None:
        """An agent takes a ticket's links back, as their page does it."""
        database = Database(self.desk.dsn("messaging"), service="history", size=1)
        agent, ticket = Visitor(said.AGENT), said.ticket_of(self.tickets[name])
        await database.start()
        try:
            async with Guarded(database).transaction(agent) as connection:
                await doing.revoke_links(connection, agent, ticket, now=said.now())
        finally:
            await database.stop()

    def url(self, name: str, what: str) -> str:
        """Where something of a ticket is."""
        return f"{self.desk.url('messaging')}/v1/tickets/{self.tickets[name].subject}/{what}"

    async def heard(self, *mails: MessageReceived) -> None:
        """Wait until mails are in their threads."""
        for mail in mails:
            sql, id_ = "SELECT 1 FROM messages WHERE id = $1", mail.data.message
            await until(partial(self.desk.query, "messaging", sql, id_), what="the mail")

    async def slotted(self, name: str) -> None:
        """Wait until a ticket has its plan."""
        await self._there("SELECT 1 FROM slots WHERE ticket = $1", name)

    async def acknowledged(self, name: str) -> None:
        """Wait until the customer was told."""
        await self._there("SELECT 1 FROM acknowledgements WHERE ticket = $1", name)

    async def asked_plan(self, name: str, plan: str | None) -> None:
        """Wait until this is the plan that somebody wants."""
        sql = "SELECT 1 FROM threads WHERE ticket = $1 AND asked_plan IS NOT DISTINCT FROM $2"
        ticket = said.ticket_of(self.tickets[name])
        await until(partial(self.desk.query, "messaging", sql, ticket, plan), what="the wish")

    async def _there(self, sql: str, name: str) -> None:
        ticket = said.ticket_of(self.tickets[name])
        asking = partial(self.desk.query, "messaging", sql, ticket)
        await until(asking, within=60, what=f"{name}: {sql}")

    def _who(self, who: str, account: str = ACCOUNT) -> dict[str, str]:
        return self.desk.bearer(who, account=account if who == "customer" else None)

    async def _settle(self) -> None:
        """Wait until the services have said what follows from all that."""
        for name in self.tickets:
            await self.slotted(name)
            await self.acknowledged(name)
        for service in ("sla", "notifier", "messaging"):
            sql = "SELECT 1 WHERE NOT EXISTS (SELECT FROM outbox)"
            await until(partial(self.desk.query, service, sql), what=f"{service} has said all")


def _created(name: str, account: str, requester: str) -> TicketCreated:
    """Each requester has an address of their own: people are forgotten by theirs."""
    created = said.ticket_created(name, account=account, requester=requester)
    private = created.data.private
    assert private is not None
    address = {"address": f"{requester}@customer.example"}
    return _with(created, private=private.model_copy(update=address))


def _with(created: TicketCreated, **facts: object) -> TicketCreated:
    return created.model_copy(update={"data": created.data.model_copy(update=facts)})
