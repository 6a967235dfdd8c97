"""Personal data stands in `data.private` and nowhere else."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.messaging import changes, merging
from services.messaging import domain as messaging
from services.notifier import customers, deliveries, domain, retracting
from services.sla.plan_requests import decline
from shared import adopted, events, privacy
from shared.deadlines import DeadlineBreached
from shared.events import EVENT_TYPES, Event, TicketStatus
from shared.handling import DeclineReason, PlanChangeRequested
from shared.messages import AuthorKind
from shared.plans import Priority
from tests.support import said, said_mails
from tests.support.alert_steps import alerts, step
from tests.support.schemas import SCHEMAS, validator

HARMLESS = {
    "account",
    "asks_for_plan",
    "assignee",  # a token's subject: an id
    "previous_assignee",  # the same
    "queue",
    "previous_queue",
    "sha256",  # of a link that holds for a while: nobody can open anything with it
    "status",  # of a bounce: three numbers
    "author",  # a token's subject: an id
    "by",  # the same
    "calendar",
    "catalogue",  # what the organisation promises to everybody
    "catalogue_version",
    "changed_by",  # the same
    "locale",
    "person",  # a pseudonym
    "plan",
    "previous",
    "requester",  # a pseudonym
    "sealed",  # what is private, for those alone who have its key
    "service",
    "service_level",
    "template",
    "time_zone",
    "what",  # the name of a kind of rows
    "wrapped",  # a key, for those alone who have the desk's secret
}
"""Fields in which any text may stand, and that say nothing about who a person is."""

OF_NO_TICKET = {
    events.PlanChanged,
    adopted.CatalogueAdopted,
    adopted.CatalogueMoved,
    privacy.KeyMade,
    privacy.ErasureRequested,
    privacy.PersonErased,
}
"""Types without a personal part; no customer's words reach them."""

PART_OF_PRIVATE = {"Attachment"}
"""Models that stand inside `private` only."""

TEXT = "I write from the office in Harbour Street."
FILE = "my-report.csv"
PERSONAL = (
    said.ADDRESS,
    "A Customer",
    "It does not work",
    TEXT,
    "An Agent",
    "It works now.",
    FILE,
    "An Assignee",
    "assignee@careline.example",
)


@pytest.mark.parametrize("kind", list(SCHEMAS))
def test_every_free_text_is_private_or_known_to_be_harmless(kind: str) -> None:
    """Who adds a field that may hold anything puts it into `private`, or names it harmless here."""
    schema: Any = validator(kind).schema
    models = [
        each
        for name, each in schema["$defs"].items()
        if not name.endswith("Private") and name not in PART_OF_PRIVATE
    ]
    free = {
        name
        for model in models
        for name, field in model.get("properties", {}).items()
        if field.get("type") == "string" and not field.keys() & {"format", "enum", "const"}
    }
    assert free <= HARMLESS


@pytest.mark.parametrize("kind", list(SCHEMAS))
def test_private_is_one_field_that_may_be_taken_away(kind: str) -> None:
    """The personal part is sealed on `data.private` alone; a record without it is valid."""
    schema: Any = validator(kind).schema
    text = json.dumps(schema)
    model = schema["$defs"][schema["properties"]["data"]["$ref"].rpartition("/")[2]]
    private = model["properties"].get("private")
    assert text.count('"#/$defs/Sealed"') == (private is not None)
    assert "private" not in model["required"]


def test_what_services_say_of_a_person_is_in_private() -> None:
    """Of a ticket's whole life, nothing personal is left once `private` is dropped."""
    life = [*_a_life(), *_in_the_hands_of_agents()]
    assert {type(event) for event in life} == set(EVENT_TYPES) - OF_NO_TICKET
    kept, dropped = "", ""
    for event in life:
        record = json.loads(events.write(event))
        dropped += json.dumps(record["data"].pop("private", {}))
        kept += json.dumps(record) + event.subject
    assert all(marker in dropped for marker in PERSONAL)
    assert not [marker for marker in PERSONAL if marker in kept]


def _a_life() -> list[Event]:
    """A ticket that is answered, waited for and raised; its clocks; mails of every outcome."""
    created = said.ticket_created(text=TEXT)
    slot = said.slot(created)
    first, later = slot.scheduled, created.time + timedelta(seconds=1)
    paused = said.paused(first, later)
    alarm = said.breach(slot)
    file = said_mails.attachment(created, TEXT.encode(), name=FILE)
    return [
        created,
        said.status_changed(created, TicketStatus.PENDING),
        said.priority_changed(created, Priority.HIGH),
        *slot.events,
        said.moved(first, later),
        paused,
        said.resumed(paused, later),
        said.at_risk(first),
        said.met(first),
        said.cancelled(first, later),
        alarm,
        said.retraction(alarm),
        said.message_posted(created),
        said_mails.message_received(created, text=TEXT, quoted=TEXT, attachments=(file,)),
        *said_mails.attachment_parts(created, file, TEXT.encode()),
        said_mails.mail_bounced(created),
        _tried(created, deliveries.Accepted()),
        _tried(created, deliveries.Refused(550, f"no {said.ADDRESS} here", for_good=True)),
        _taken_back(alarm),
    ]


def _in_the_hands_of_agents() -> list[Event]:
    """It is given to somebody, gets tags, goes into another one and back, and another plan."""
    created = said.ticket_created(account="an-account", text=TEXT)
    thread, _ = messaging.open_thread(created)
    into, _ = messaging.open_thread(said.ticket_created("another", text=TEXT))
    by, at = messaging.Actor(AuthorKind.AGENT, "a-agent", "An Agent"), created.time
    to = changes.Assignee("a-colleague", "An Assignee", "assignee@careline.example")
    asked = changes.request_plan(thread, "basic", by, now=at)
    assert isinstance(asked.event, PlanChangeRequested)
    merged = merging.move(thread, into, by, now=at)
    done = (
        changes.assign(thread, to, changes.UNSET, by, now=at),
        changes.set_tags(thread, ["export"], by, now=at),
        asked,
        merged,
        *merging.unmerge(merged.thread, by, now=at),
        changes.dismiss_plan(replace(thread, asked_plan="basic"), by, now=at),
    )
    declined = decline(asked.event, DeclineReason.ANOTHER_ACCOUNT, now=at)
    revoked = changes.revoke_links(thread, {"f0" * 32}, by, now=at)
    return [*(change.event for change in done if change), declined, revoked]


def _tried(created: events.TicketCreated, answer: deliveries.Answer) -> Event:
    delivery = customers.acknowledge(created, not_before=created.time)
    assert delivery is not None
    event = domain.conclude(
        delivery, answer, now=created.time, give_up_after=timedelta(days=1)
    ).event
    assert event is not None
    return event


def _taken_back(alarm: DeadlineBreached) -> Event:
    (alert,) = alerts(alarm, (step(said.ADDRESS),))
    event = retracting.retract(alert, None, said.retraction(alarm), now=alarm.time).event
    assert event is not None
    return event
