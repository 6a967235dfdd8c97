"""What the templates of each kind of mail are given."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any, assert_never

from babel.lists import format_list

from services.notifier.deliveries import About, Delivery, DeliveryKind, Message
from services.notifier.letters import links, passages
from services.notifier.letters.desk import Desk
from services.notifier.letters.files import ShownFile, show_file
from services.notifier.letters.instants import spell_briefly, spell_instant, zone
from shared.calendars import is_always_open
from shared.languages import Language
from shared.messages import AuthorKind
from shared.plan_words import PlanRow, rows, spell_duration, spell_priority
from shared.plans import Catalogue, Clock, Priority
from shared.tickets import ticket_number

Spell = Callable[[datetime, tzinfo, Language], str]

MOST_ARTICLES = 3
MOST_QUOTED = 3
MOST_CARRIED = 50
MOST_FILES = 20
_BY_WEIGHT = (
    DeliveryKind.BREACH_ALERT,
    DeliveryKind.AT_RISK_ALERT,
    DeliveryKind.BREACH_RETRACTION,
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a mail is for."""

    language: Language
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Said:
    """A message as a mail shows it."""

    name: str | None
    """Who wrote it, if they gave a name."""
    is_ours: bool
    when: str
    passage: passages.Passage
    files: tuple[ShownFile, ...] = ()
    """The first of them."""
    more_files: int = 0
    """How many there are beside these."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What one alert tells, or one line of a digest."""

    number: str
    thread: str
    kind: DeliveryKind
    clock: Clock | None
    clock_name: str
    plan: PlanRow | None
    """None where the catalogue doesn't have it any more."""
    plan_id: str | None
    queue: str | None
    priority: str | None
    due: str | None
    due_brief: str | None
    due_now: str | None
    state: str | None
    step: int
    """Counted from 1."""
    waited: str | None
    """How long nobody has reacted, if that is why this one is told."""


def facts_of(
    delivery: Delivery, about: About, *, catalogue: Catalogue, desk: Desk, language: Language
) -> dict[str, Any]:
    """All that the templates of this kind may ask for."""
    facts = {
        "desk": desk,
        "brand": desk.brand,
        "language": language,
        "direction": "rtl" if language.locale.text_direction == "rtl" else "ltr",
        "kind": delivery.kind.value,
        "number": delivery.ticket and ticket_number(delivery.ticket),
        "thread": delivery.ticket and links.thread_of(delivery, desk),
    }
    match delivery.kind:
        case DeliveryKind.ACKNOWLEDGEMENT:
            return facts | _acknowledgement(delivery, about, catalogue, desk, language)
        case DeliveryKind.REPLY:
            return facts | _reply(about, desk, language)
        case DeliveryKind.DIGEST:
            return facts | _digest(delivery, about, catalogue, desk, language)
        case (
            DeliveryKind.AT_RISK_ALERT | DeliveryKind.BREACH_ALERT | DeliveryKind.BREACH_RETRACTION
        ):
            plans = {row.id: row for row in rows(catalogue, None, language)}
            queue = about.ticket.queue
            return facts | {"alert": _alert(delivery, catalogue, desk, plans, language, queue)}
        case DeliveryKind.ASSIGNMENT:
            return facts | _assignment(about, catalogue, language)
        case _:
            assert_never(delivery.kind)


def _acknowledgement(
    delivery: Delivery, about: About, catalogue: Catalogue, desk: Desk, language: Language
) -> dict[str, Any]:
    ticket = about.ticket
    plans = rows(catalogue, ticket.plan, language)
    own = next((row for row in plans if row.is_own), None)
    due = ticket.due_at and spell_instant(ticket.due_at, zone(ticket.time_zone), language)
    always = [row.name for row in plans if _is_always_open(row, catalogue)]
    return {
        "plan": own,
        "is_self_service": own is not None and own.id == catalogue.default_plan,
        "due": due,
        "plans": plans,
        "always": format_list(always, locale=language.locale) if always else None,
        "articles": list(_articles(delivery.facts.get("articles", ()))),
        "by_mail": desk.tokens is not None,
    }


def _is_always_open(row: PlanRow, catalogue: Catalogue) -> bool:
    """Promises a time, and counts at all hours."""
    plan = next(plan for plan in catalogue.plans if plan.id == row.id)
    is_always = plan.calendar is not None and is_always_open(catalogue.calendars[plan.calendar])
    return is_always and row.hours is not None


def _articles(found: Sequence[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    for article in list(found)[:MOST_ARTICLES]:
        if article["url"].startswith(("https://", "http://")):
            yield article


def _reply(about: About, desk: Desk, language: Language) -> dict[str, Any]:
    reader = Reader(language, zone(about.ticket.time_zone))
    room, answers = passages.MOST_BYTES, []
    for message in about.messages:
        passage, room = passages.fit(message.text, room)
        if passage.text or message.files:
            answers.append(_said(message, passage, reader))
    may_quote = about.ticket.verified_at is not None
    quotable = [each for each in about.earlier if _is_quotable(each, may_quote=may_quote)]
    earlier = [_said(each, passages.shorten(each.text), reader) for each in quotable[:MOST_QUOTED]]
    return {
        "answers": answers,
        "earlier": earlier,
        "is_cut": room == 0,
        "by_mail": desk.tokens is not None,
    }


def _is_quotable(message: Message, *, may_quote: bool) -> bool:
    """Ours; a customer's only if they proved that the address is theirs; no machine's."""
    is_ours = message.author_kind is AuthorKind.AGENT
    return is_ours or (may_quote and message.author_kind is AuthorKind.CUSTOMER)


def _said(message: Message, passage: passages.Passage, reader: Reader) -> Said:
    return Said(
        name=message.author_name,
        is_ours=message.author_kind is AuthorKind.AGENT,
        when=spell_briefly(message.posted_at, reader.zone, reader.language),
        passage=passage,
        files=tuple(show_file(file, reader.language) for file in message.files[:MOST_FILES]),
        more_files=max(0, len(message.files) - MOST_FILES),
    )


def _assignment(about: About, catalogue: Catalogue, language: Language) -> dict[str, Any]:
    plans = {row.id: row for row in rows(catalogue, None, language)}
    ticket, next_due = about.ticket, about.next_due
    plan = plans.get((next_due.plan if next_due else ticket.plan) or "")
    within = _zone_of(plan, catalogue)
    return {
        "plan": plan,
        "queue": ticket.queue if ticket.is_known else None,
        "priority": spell_priority(ticket.priority, language) if ticket.priority else None,
        "clock_name": clock_name(next_due.clock, language) if next_due else None,
        "due": next_due and spell_instant(next_due.due_at, within, language),
    }


def _digest(
    delivery: Delivery, about: About, catalogue: Catalogue, desk: Desk, language: Language
) -> dict[str, Any]:
    plans = {row.id: row for row in rows(catalogue, None, language)}
    shown = about.carried[:MOST_CARRIED]
    alerts = [_alert(each, catalogue, desk, plans, language, None) for each in shown]
    ranks = {id_: number for number, id_ in enumerate(plans, start=1)}

    def height(alert: Alert) -> int:
        """The highest plan first, what is on none last."""
        return -ranks.get(alert.plan.id if alert.plan else "", 0)

    groups = [
        (group[0].plan, group)
        for group in (list(each) for _, each in groupby(sorted(alerts, key=height), height))
    ]
    counts = about.carried_by_kind or Counter(each.kind for each in about.carried)
    return {
        "groups": groups,
        "counts": [(kind, counts[kind]) for kind in _BY_WEIGHT if counts.get(kind)],
        "total": sum(counts.values()),
        "shown": len(shown),
        "list": f"{desk.operators}/deliveries?digest={delivery.id}",
    }


def _alert(
    delivery: Delivery,
    catalogue: Catalogue,
    desk: Desk,
    plans: Mapping[str, PlanRow],
    language: Language,
    queue: str | None,
) -> Alert:
    plan = plans.get(delivery.facts.get("plan") or "")
    planned_in = delivery.facts.get("zone")
    within = zone(planned_in) if planned_in else _zone_of(plan, catalogue)
    waited = delivery.facts.get("step_after_seconds")
    priority = delivery.facts.get("priority")

    def instant(fact: str, spell: Spell = spell_instant) -> str | None:
        at = delivery.facts.get(fact)
        return spell(datetime.fromisoformat(at), within, language) if at else None

    return Alert(
        number=ticket_number(delivery.ticket) if delivery.ticket else "",
        thread=links.inbox_of(delivery.ticket, desk),
        kind=delivery.kind,
        clock=delivery.clock,
        clock_name=clock_name(delivery.clock, language),
        plan=plan,
        plan_id=delivery.facts.get("plan"),
        queue=delivery.facts.get("queue", queue),
        priority=spell_priority(Priority(priority), language) if priority else None,
        due=instant("due"),
        due_brief=instant("due", spell_briefly),
        due_now=instant("due_now"),
        state=delivery.facts.get("state"),
        step=delivery.step + 1,
        waited=spell_duration(timedelta(seconds=waited), language) if waited else None,
    )


def _zone_of(row: PlanRow | None, catalogue: Catalogue) -> tzinfo:
    """The zone of the plan's calendar, in which its people work."""
    plan = next((each for each in catalogue.plans if row and each.id == row.id), None)
    return zone(catalogue.calendars[plan.calendar].tz if plan and plan.calendar else None)


def clock_name(clock: Clock | None, language: Language) -> str:
    """A promise, as people of ours speak of it."""
    names = {
        None: language.say("promise"),
        Clock.FIRST_RESPONSE: language.say("first response"),
        Clock.NEXT_RESPONSE: language.say("next response"),
        Clock.UPDATE: language.say("update"),
        Clock.RESOLUTION: language.say("resolution"),
    }
    return names[clock]
