"""What has happened on the desk that pictures are taken of: a morning's tickets, some answered.

Everything is done over HTTP, as customers and agents do it.
"""

import tomllib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
from pydantic import BaseModel, JsonValue, TypeAdapter

from deploy.local import readiness
from deploy.local.desk import Desk
from deploy.local.errors import DeskError
from deploy.local.keys import Keys
from deploy.local.people import CUSTOMERS, STAFF, Person
from shared.identity import Role

TOKEN_SECONDS = 3600
WITHIN = 30.0
"""Seconds in which something that the services do by themselves has to be seen."""

ZONE = "Europe/Berlin"


class Written(BaseModel):
    """A request of the customer on a plan."""

    plan: str
    priority: str
    subject: str
    text: str


TICKETS = TypeAdapter(list[Written]).validate_python(
    tomllib.loads((Path(__file__).parent / "tickets.toml").read_text(encoding="utf-8"))["tickets"]
)


@dataclass
class Scene:
    """The desk, and the tickets on it."""

    desk: Desk
    keys: Keys
    client: httpx.AsyncClient
    tickets: dict[str, str] = field(default_factory=dict)
    """Their ids, by subject."""

    def token(self, person: Person) -> str:
        """A bearer token of this person."""
        who = (person.role, person.account, person.subject)
        return self.keys.mint(*who, TOKEN_SECONDS, person.name)

    def bearer(self, person: Person) -> dict[str, str]:
        """The header with such a token."""
        return {"Authorization": f"Bearer {self.token(person)}"}

    async def ask(self, method: str, url: str, person: Person, body: JsonValue) -> httpx.Response:
        """Send a request as somebody.

        Raises:
            DeskError: it is refused.
        """
        answer = await self.client.request(method, url, headers=self.bearer(person), json=body)
        if answer.is_error:
            raise DeskError(f"{method} {url}: {answer.status_code} {answer.text[:300]}")
        return answer


async def fill(scene: Scene) -> None:
    """Let the morning happen."""
    for written in TICKETS:
        await _write_in(scene, written)
    for ticket in scene.tickets.values():
        slotted = partial(_is_slotted, scene, ticket)
        await readiness.wait_until(slotted, WITHIN, "A ticket was not slotted in time.")
    await _talk(scene)


async def _write_in(scene: Scene, written: Written) -> None:
    person = customer(written.plan)
    body: dict[str, JsonValue] = {
        "requester": {"address": person.address, "name": person.name},
        "subject": written.subject,
        "text": written.text,
        "priority": written.priority,
        "channel": "web",
        "time_zone": ZONE,
    }
    answer = await scene.ask("POST", f"{scene.desk.url('intake')}/v1/tickets", person, body)
    scene.tickets[written.subject] = answer.json()["ticket"]


async def _talk(scene: Scene) -> None:
    one, two = STAFF[0], STAFF[1]
    empty, invoices, export = (scene.tickets[TICKETS[n].subject] for n in (2, 6, 0))
    note = "The nightly import stopped at 02:10. I have started it again."
    await say(scene, empty, one, note, visibility="note")
    answer = "Thank you. The nightly import had stopped; it runs again, and the report fills up."
    await say(scene, empty, one, answer)
    await say(scene, empty, customer("advanced"), "It has rows again. Can we be told next time?")
    await say(scene, invoices, two, "One of them is a copy. Which address did it go to?")
    thread = f"{scene.desk.url('messaging')}/v1/tickets"
    await scene.ask("PUT", f"{thread}/{invoices}/status", two, {"status": "pending"})
    await scene.ask("PUT", f"{thread}/{empty}/tags", one, {"tags": ["import", "reports"]})
    await scene.ask("PUT", f"{thread}/{empty}/assignment", one, {"assignee": one.subject})
    await say(scene, export, two, "The next version has the column, on Thursday.")
    await scene.ask("PUT", f"{thread}/{export}/status", two, {"status": "resolved"})


async def say(
    scene: Scene, ticket: str, person: Person, text: str, *, visibility: str = "public"
) -> None:
    """Write into a ticket's thread."""
    url = f"{scene.desk.url('messaging')}/v1/tickets/{ticket}/messages"
    await scene.ask("POST", url, person, {"text": text, "visibility": visibility})


def customer(plan: str) -> Person:
    """The customer whose account is on a plan."""
    return next(person for person in CUSTOMERS if person.plan == plan)


def lead() -> Person:
    """The one who looks after the agents."""
    return next(person for person in STAFF if person.role is Role.LEAD)


async def _is_slotted(scene: Scene, ticket: str) -> bool:
    url = f"{scene.desk.url('messaging')}/v1/tickets/{ticket}"
    answer = await scene.client.get(url, headers=scene.bearer(STAFF[0]))
    return answer.status_code == httpx.codes.OK and answer.json()["plan"] is not None
