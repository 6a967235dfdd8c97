"""What customers were promised: timers, breaches, and what the auditor finds."""

from deploy.prometheus.pace import DAY, HOUR, MINUTE, Pace
from deploy.prometheus.rules import Alert, Group, Rule, Severity

EVERY = 30


def groups(pace: Pace) -> list[Group]:
    """Alerts of sla and of the auditor."""
    every = pace.every(EVERY)
    return [
        Group("careline-timers", every, _timers(pace)),
        Group("careline-auditor", every, _auditor(pace)),
    ]


def _timers(pace: Pace) -> list[Rule]:
    return [
        _timers_overdue(pace),
        _heard_late(pace),
        _breach_surge(pace),
        _recount_stuck(pace),
        _tickets_passed_over(pace),
    ]


def _timers_overdue(pace: Pace) -> Alert:
    return Alert(
        name="TimersOverdue",
        expr=f"max(sla_oldest_unfired_seconds) > {pace.age(30)}\nand max(sla_timers_overdue) > 0",
        hold=pace.hold(MINUTE),
        severity=Severity.PAGE,
        summary="Deadlines pass and nobody is told",
        description="The oldest deadline should have fired {{ $value | humanizeDuration }} ago.",
        dashboard="careline-timers",
        runbook="promises",
    )


def _heard_late(pace: Pace) -> Alert:
    return Alert(
        name="HeardLate",
        expr=f"max by (instance) (sla_heard_behind_seconds) > {pace.age(60)}",
        hold=pace.hold(2 * MINUTE),
        severity=Severity.PAGE,
        summary="sla has not heard all that could have kept a promise",
        description="{{ $labels.instance }} has heard one of its partitions up to "
        "{{ $value | humanizeDuration }} ago: nothing that was due later is said.",
        dashboard="careline-timers",
        runbook="promises",
    )


def _breach_surge(pace: Pace) -> Alert:
    quarter = pace.window(15 * MINUTE)
    before = pace.window(DAY)
    breached = 'increase(sla_outcomes_total{event="DeadlineBreached"}'
    return Alert(
        name="BreachSurge",
        expr=f"sum({breached}[{quarter}])) > 10\n"
        f"and sum({breached}[{quarter}])) > 5 * sum({breached}[{before}])) / 96",
        hold=pace.hold(2 * MINUTE),
        severity=Severity.TICKET,
        summary="Many more promises than usual are broken",
        description='{{ $value | printf "%.0f" }} deadlines were breached in '
        f"{quarter}, more than five times the day's average.",
        dashboard="careline-business",
        runbook="promises",
    )


def _recount_stuck(pace: Pace) -> Alert:
    return Alert(
        name="RecountStuck",
        expr=f"max(sla_oldest_recount_seconds) > {pace.age(10 * MINUTE)}",
        hold=pace.hold(5 * MINUTE),
        severity=Severity.TICKET,
        summary="Open tickets don't follow a change of plan",
        description="A change of plan or catalogue has been under way for "
        "{{ $value | humanizeDuration }}.",
        dashboard="careline-timers",
        runbook="promises",
    )


def _tickets_passed_over(pace: Pace) -> Alert:
    return Alert(
        name="TicketsPassedOver",
        expr=f"sum(increase(sla_recount_tickets_passed_over_total[{pace.window(HOUR)}])) > 0",
        hold=pace.hold(0),
        severity=Severity.TICKET,
        summary="Tickets could not be counted anew",
        description='{{ $value | printf "%.0f" }} tickets keep the promises from before a change.',
        dashboard="careline-timers",
        runbook="promises",
    )


def _auditor(pace: Pace) -> list[Rule]:
    return [
        _invariant_violated(pace),
        _auditor_missing(pace),
        _auditor_behind(pace),
        _auditor_database_unread(pace),
        _auditor_forgets(pace),
    ]


def _invariant_violated(pace: Pace) -> Alert:
    return Alert(
        name="InvariantViolated",
        expr="max by (promise) (invariant_violations) > 0",
        hold=pace.hold(MINUTE),
        severity=Severity.PAGE,
        summary="A promise of the desk is broken: {{ $labels.promise }}",
        description="{{ $value }} violations of {{ $labels.promise }} are open.",
        dashboard="careline-auditor",
        runbook="promises",
    )


def _auditor_missing(pace: Pace) -> Alert:
    return Alert(
        name="AuditorMissing",
        expr="absent(auditor_behind_seconds)",
        hold=pace.hold(10 * MINUTE),
        severity=Severity.TICKET,
        summary="Nobody checks the promises: no auditor runs",
        description="No auditor answers Prometheus.",
        dashboard="careline-auditor",
        runbook="promises",
    )


def _auditor_behind(pace: Pace) -> Alert:
    return Alert(
        name="AuditorBehind",
        expr=f"max(auditor_behind_seconds) > {pace.age(5 * MINUTE)}",
        hold=pace.hold(5 * MINUTE),
        severity=Severity.TICKET,
        summary="The auditor does not look at what happens now",
        description="It has heard all up to {{ $value | humanizeDuration }} ago.",
        dashboard="careline-auditor",
        runbook="promises",
    )


def _auditor_database_unread(pace: Pace) -> Alert:
    return Alert(
        name="AuditorDatabaseUnread",
        expr="max by (database) (auditor_database_read) == 0",
        hold=pace.hold(10 * MINUTE),
        severity=Severity.TICKET,
        summary="The auditor can't read the database of {{ $labels.database }}",
        description="What the database of {{ $labels.database }} holds is not compared with "
        "the stream.",
        dashboard="careline-auditor",
        runbook="promises",
    )


def _auditor_forgets(pace: Pace) -> Alert:
    return Alert(
        name="AuditorForgets",
        expr=f"sum(increase(auditor_forgotten_tickets_total[{pace.window(HOUR)}])) > 0",
        hold=pace.hold(0),
        severity=Severity.TICKET,
        summary="The auditor has more tickets to remember than it may",
        description='{{ $value | printf "%.0f" }} tickets were let go before they were judged.',
        dashboard="careline-auditor",
        runbook="promises",
    )
