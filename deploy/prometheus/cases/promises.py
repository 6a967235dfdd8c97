"""Cases of timers and of the auditor."""

from deploy.prometheus.cases.case import Case, Firing, fires, rests

ONE = 'job="sla",instance="sla-1"'
BREACHED = 'sla_outcomes_total{plan="basic",clock="first_response",event="DeadlineBreached"}'


def cases() -> list[Case]:
    """All of them."""
    return [*_timers(), *_surge(), *_recounts(), *_auditor()]


def _timers() -> list[Case]:
    oldest, overdue = f"sla_oldest_unfired_seconds{{{ONE}}}", f"sla_timers_overdue{{{ONE}}}"
    behind = f"sla_heard_behind_seconds{{{ONE}}}"
    return [
        fires("TimersOverdue", {oldest: "45x9", overdue: "1x9"}, "2m", Firing(value="45s")),
        rests("TimersOverdue", {oldest: "20x9", overdue: "1x9"}, "8m"),
        rests("TimersOverdue", {oldest: "45x9", overdue: "0x9"}, "8m"),
        fires("HeardLate", {behind: "90x9"}, "3m", Firing({"instance": "sla-1"}, "1m 30s")),
        rests("HeardLate", {behind: "50x9"}, "8m"),
    ]


def _surge() -> list[Case]:
    return [
        fires("BreachSurge", {BREACHED: "0 144x39 144.8+0.8x20"}, "60m", Firing(value="12")),
        # As many as on any other day.
        rests("BreachSurge", {BREACHED: "0 360x39 360.8+0.8x20"}, "60m"),
        # Few.
        rests("BreachSurge", {BREACHED: "0x40 0.5+0.5x20"}, "60m"),
    ]


def _recounts() -> list[Case]:
    oldest = f"sla_oldest_recount_seconds{{{ONE}}}"
    passed = f"sla_recount_tickets_passed_over_total{{{ONE}}}"
    return [
        fires("RecountStuck", {oldest: "660x20"}, "10m", Firing(value="11m 0s")),
        rests("RecountStuck", {oldest: "540x20"}, "10m"),
        fires("TicketsPassedOver", {passed: "0x50 2x20"}, "60m", Firing(value="2")),
        rests("TicketsPassedOver", {passed: "2x70"}, "60m"),
    ]


def _auditor() -> list[Case]:
    violated = 'invariant_violations{job="auditor",promise="slotted_once"}'
    behind = 'auditor_behind_seconds{job="auditor"}'
    read = 'auditor_database_read{job="auditor",database="sla"}'
    forgotten = 'auditor_forgotten_tickets_total{job="auditor"}'
    return [
        fires("InvariantViolated", {violated: "1x9"}, "2m", Firing(_slotted(), "1")),
        rests("InvariantViolated", {violated: "0x9"}, "8m"),
        fires("AuditorMissing", {}, "11m"),
        rests("AuditorMissing", {behind: "0x20"}, "11m"),
        fires("AuditorBehind", {behind: "400x20"}, "10m", Firing(value="6m 40s")),
        rests("AuditorBehind", {behind: "200x20"}, "10m"),
        fires("AuditorDatabaseUnread", {read: "0x20"}, "10m", Firing({"database": "sla"})),
        rests("AuditorDatabaseUnread", {read: "1x20"}, "10m"),
        fires("AuditorForgets", {forgotten: "0x50 7x20"}, "60m", Firing(value="7")),
        rests("AuditorForgets", {forgotten: "7x70"}, "60m"),
    ]


def _slotted() -> dict[str, str]:
    return {"promise": "slotted_once"}
