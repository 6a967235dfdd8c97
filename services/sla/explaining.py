"""Why a due time is what it is: every clock of a ticket with all that it was counted from. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.sla.clocks import Clocks, Fact, Run, tell_all
from services.sla.deadlines import Deadline
from services.sla.domain import Ticket
from services.sla.terms import Catalogues, Pauses, Term, plan_of, promise
from shared.deadlines import DeadlineState
from shared.envelope import format_instant
from shared.plans import Clock
from shared.tickets import ticket_number

MOST_CLOCKS = 200
"""Runs of clocks in one explanation: the latest ones."""


def explain(
    ticket: Ticket,
    facts: Iterable[Fact],
    saved: Mapping[tuple[Clock, int], Deadline],
    catalogues: Catalogues,
) -> dict[str, Any]:
    """A ticket's clocks as JSON: how each stands, what it promises, and what happened to it.

    Each clock has a `case` in the format that `python -m services.sla due` reads, with which
    anyone can count its due time again.
    """
    clocks = tell_all(ticket.opening, facts, catalogues)
    promised = [run for run in clocks.runs if (run.clock, run.cycle) in saved]
    promised.sort(key=lambda run: (run.started_at, run.clock, run.cycle))
    return {
        "ticket": str(ticket.ticket),
        "number": ticket_number(ticket.ticket),
        "account": ticket.account,
        "status": clocks.status,
        "priority": clocks.priority,
        "plan": clocks.plan,
        "catalogue_version": clocks.catalogue_version,
        "opened_at": format_instant(ticket.opening.at),
        "opened_by_agent": ticket.opening.by_agent,
        "earlier_clocks_left_out": max(0, len(promised) - MOST_CLOCKS),
        "clocks": [
            _clock(run, saved[run.clock, run.cycle], catalogues) for run in promised[-MOST_CLOCKS:]
        ],
        "not_promised": _not_promised(clocks, saved),
    }


def _not_promised(clocks: Clocks, saved: Mapping[tuple[Clock, int], Deadline]) -> list[str]:
    """Clocks for which the ticket's plan has no target, so that nothing runs."""
    return sorted({r.clock.value for r in clocks.runs if (r.clock, r.cycle) not in saved})


def _clock(run: Run, said: Deadline, catalogues: Catalogues) -> dict[str, Any]:
    return {
        "clock": said.clock,
        "cycle": said.cycle,
        "revision": said.revision,
        "state": said.state,
        "plan": said.plan,
        "service_level": plan_of(catalogues[said.catalogue_version], said.plan).service_level,
        "catalogue_version": said.catalogue_version,
        "calendar": said.calendar,
        "priority": run.priority,
        "began": format_instant(run.started_at),
        "started": format_instant(said.started_at),
        "target_seconds": said.target_seconds,
        "pauses": _pauses(said.pauses),
        "due": _shown(said.due_at),
        "warnings_to_come": [format_instant(point) for point in said.warn_at],
        "warnings_passed": said.warned,
        "ended_at": _shown(said.ended_at),
        "promises": [_term(run, term, catalogues) for term in run.terms],
        "history": _history(run, said),
        "case": _case(said, catalogues),
    }


def _term(run: Run, term: Term, catalogues: Catalogues) -> dict[str, Any]:
    """What one plan promises for this clock: the earliest of them is what we owe."""
    made = promise(run.clock, run.priority, (term,), run.pauses, catalogues)
    return {
        "plan": term.plan,
        "catalogue_version": term.catalogue_version,
        "counts_from": format_instant(term.counts_from),
        "target_seconds": made and made.target_seconds,
        "due": made and _shown(made.due_at),
    }


def _history(run: Run, said: Deadline) -> list[dict[str, Any]]:
    """What happened to the clock, the earliest first, and the events that led to it."""
    lines = [
        {
            "at": format_instant(entry.at),
            "what": entry.what,
            "event": entry.caused_by and str(entry.caused_by),
        }
        for entry in run.history
    ]
    if said.state is DeadlineState.BREACHED and run.breached_at is None:
        at = _shown(said.ended_at)
        lines.append({"at": at, "what": "breached", "event": str(said.last_event)})
    return lines


def _case(said: Deadline, catalogues: Catalogues) -> dict[str, Any]:
    calendar = catalogues[said.catalogue_version].calendars[said.calendar]
    return {
        "id": f"{said.ticket}/{said.clock}/{said.cycle}",
        "calendar": calendar.model_dump(mode="json", exclude_defaults=True),
        "start": format_instant(said.started_at),
        "target_seconds": said.target_seconds,
        "pauses": _pauses(said.pauses),
        "due": _shown(said.due_at),
    }


def _pauses(pauses: Pauses) -> list[list[str | None]]:
    return [[format_instant(since), _shown(until)] for since, until in pauses]


def _shown(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
