"""Timers: is every deadline said when it is due?"""

from deploy.grafana.parts import (
    AMBER,
    GREEN,
    RED,
    Board,
    Kind,
    Panel,
    Query,
    Row,
    Unit,
    quantiles,
    rate,
)

LATE = "sla_breach_lateness_seconds"


def _within(edge: str) -> str:
    good = f'sum(rate({LATE}_bucket{{le="{edge}"}}[1h]))'
    return f"{good} / (sum(rate({LATE}_count[1h])) > 0) or vector(1)"


NOW = Row(
    "Now",
    (
        Panel(
            "Deadlines overdue",
            "Should have fired and have not.",
            (Query("sum(sla_timers_overdue)"),),
            kind=Kind.FIGURES,
            width=6,
            height=5,
            steps=((0, GREEN), (1, AMBER), (100, RED)),
            decimals=0,
            alerts=("TimersOverdue",),
        ),
        Panel(
            "The oldest of them",
            "For how long it should have fired.",
            (Query("max(sla_oldest_unfired_seconds)"),),
            kind=Kind.FIGURES,
            unit=Unit.SECONDS,
            width=6,
            height=5,
            steps=((0, GREEN), (5, AMBER), (60, RED)),
            alerts=("TimersOverdue",),
        ),
        Panel(
            "Breaches said within 1 s",
            "Of the last hour. Promised are 99 %.",
            (Query(_within("1.0")),),
            kind=Kind.FIGURES,
            unit=Unit.SHARE,
            width=6,
            height=5,
            steps=((0, RED), (0.99, GREEN)),
            alerts=("DeadlinesSlow",),
        ),
        Panel(
            "Breaches said within 60 s",
            "Of the last hour. Promised are 99.99 %.",
            (Query(_within("60.0")),),
            kind=Kind.FIGURES,
            unit=Unit.SHARE,
            width=6,
            height=5,
            steps=((0, RED), (0.9999, GREEN)),
            alerts=("DeadlinesLate",),
        ),
    ),
)

FIRING = Row(
    "Firing",
    (
        Panel(
            "How late breaches are said",
            "From the due time to the event.",
            tuple(quantiles(LATE)),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (1, AMBER), (60, RED)),
            lines=True,
            alerts=("DeadlinesSlow", "DeadlinesLate"),
        ),
        Panel(
            "Overdue, over time",
            "A hill that goes: a restart. One that stays: the timer or its database.",
            (
                Query("sum(sla_timers_overdue)", "overdue"),
                Query("max(sla_oldest_unfired_seconds)", "seconds of the oldest"),
            ),
            alerts=("TimersOverdue",),
        ),
        Panel(
            "Breaches and warnings",
            "What the timers have said.",
            (
                rate(
                    "sla_outcomes_total",
                    'event=~"DeadlineBreached|DeadlineAtRisk"',
                    by="event, clock",
                ),
            ),
            unit=Unit.PER_SECOND,
            stacked=True,
            alerts=("BreachSurge",),
        ),
    ),
)

WAITING = Row(
    "What a timer waits for",
    (
        Panel(
            "How far the stream was heard",
            "Seconds behind the present. Nothing later than that is said to be breached: an answer "
            "may be on its way.",
            (Query("max by (instance) (sla_heard_behind_seconds)", "{{instance}}"),),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (60, RED)),
            lines=True,
            alerts=("HeardLate",),
        ),
        Panel(
            "Partitions heard",
            "All replicas together, as many as a topic has; fewer for more than a moment hold "
            "timers back.",
            (Query("sum(sla_partitions_heard)", "heard"),),
            alerts=("HeardLate",),
        ),
        Panel(
            "Due within the next hour",
            "By clock: what the timers will have to say, unless it is answered.",
            (Query("sum by (clock) (sla_deadlines_due_within_hour)", "{{clock}}"),),
            stacked=True,
        ),
    ),
)

RECOUNTS = Row(
    "After a change of plan or catalogue",
    (
        Panel(
            "Changes that open tickets do not follow yet",
            "Each counts the deadlines of an account's open tickets anew.",
            (Query("sum(sla_recounts_open)", "changes"),),
            alerts=("RecountStuck",),
        ),
        Panel(
            "The oldest change",
            "How long it has taken so far.",
            (Query("max(sla_oldest_recount_seconds)", "oldest"),),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (600, RED)),
            lines=True,
            alerts=("RecountStuck",),
        ),
        Panel(
            "Tickets passed over",
            "In a day, tickets that could not be counted: the log says why.",
            (Query("sum(increase(sla_recount_tickets_passed_over_total[1d]))"),),
            kind=Kind.FIGURES,
            steps=((0, GREEN), (1, RED)),
            decimals=0,
            alerts=("TicketsPassedOver",),
        ),
    ),
)

BOARD = Board(
    "timers",
    "Careline: timers",
    "Whether each deadline is said when it is due, and what keeps one that is not.",
    (NOW, FIRING, WAITING, RECOUNTS),
)
