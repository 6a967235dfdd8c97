"""For whoever leads support: are plans kept, and what is about to break?"""

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
)

SAID = 'sum by ({by}) (increase(sla_outcomes_total{{event=~"{event}"}}[$__range]))'
OUTCOMES = (
    'sum by (plan, clock, event) (increase(sla_outcomes_total{event!="DeadlineScheduled"}'
    "[$__range]))"
)
RESPONSE = "sla_first_response_working_seconds"


def _said(event: str, *, by: str) -> str:
    return SAID.format(event=event, by=by)


def _kept(by: str) -> str:
    """Of what ended, the share that was met; what was taken back is counted neither way."""
    met, breached = _said("DeadlineMet", by=by), _said("DeadlineBreached", by=by)
    ended = _said("DeadlineMet|DeadlineBreached", by=by)
    return f"({met} or 0 * {breached}) / ({ended} > 0)"


KEPT = Row(
    "Promises kept, in the time that is shown",
    (
        Panel(
            "Kept, by plan",
            "Deadlines that were met, of all that ended.",
            (Query(_kept("plan"), "{{plan}}"),),
            kind=Kind.BARS,
            unit=Unit.SHARE,
            steps=((0, RED), (0.9, AMBER), (0.98, GREEN)),
        ),
        Panel(
            "Kept, by clock",
            "First response, next response, update, resolution.",
            (Query(_kept("clock"), "{{clock}}"),),
            kind=Kind.BARS,
            unit=Unit.SHARE,
            steps=((0, RED), (0.9, AMBER), (0.98, GREEN)),
        ),
        Panel(
            "Outcomes by plan and clock",
            "How many deadlines were met, at risk, breached, or taken back.",
            (Query(OUTCOMES, "{{plan}} {{clock}}: {{event}}"),),
            kind=Kind.TABLE,
            decimals=0,
        ),
        Panel(
            "Met",
            "An hour's worth at each point, by plan.",
            (
                Query(
                    'sum by (plan) (increase(sla_outcomes_total{event="DeadlineMet"}[1h]))',
                    "{{plan}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Breached",
            "An hour's worth at each point, by plan.",
            (
                Query(
                    'sum by (plan) (increase(sla_outcomes_total{event="DeadlineBreached"}[1h]))',
                    "{{plan}}",
                ),
            ),
            stacked=True,
            alerts=("BreachSurge",),
        ),
        Panel(
            "Tickets by plan",
            "An hour's worth at each point.",
            (
                Query(
                    "sum by (plan) (increase(sla_tickets_slotted_total[1h]))",
                    "{{plan}}",
                ),
            ),
            stacked=True,
        ),
    ),
)

AHEAD = Row(
    "What is ahead",
    (
        Panel(
            "Due within the next hour",
            "By plan and clock: answers that are wanted now.",
            (
                Query(
                    "sum by (plan, clock) (sla_deadlines_due_within_hour) > 0",
                    "{{plan}}: {{clock}}",
                    quiet="there is none while nothing is due",
                ),
            ),
            kind=Kind.BARS,
            height=9,
            none="nothing is due",
            decimals=0,
        ),
        Panel(
            "Due within the next hour, over time",
            "By plan. Climbing faster than agents answer means breaches in an hour.",
            (Query("sum by (plan) (sla_deadlines_due_within_hour)", "{{plan}}"),),
            height=9,
            width=16,
            stacked=True,
        ),
    ),
)

RESPONSES = Row(
    "First response, in working time",
    (
        Panel(
            "Half of them within",
            "Of first responses in time, by plan; in the customer's working hours. Late ones are "
            "breaches.",
            (
                Query(
                    f"histogram_quantile(0.5, sum by (le, plan) (increase({RESPONSE}_bucket"
                    "[$__range])))",
                    "{{plan}}",
                    quiet="a plan without a first response has no value",
                ),
            ),
            kind=Kind.BARS,
            unit=Unit.SECONDS,
            width=12,
        ),
        Panel(
            "90 of 100 within",
            "The same of almost all. Near the target: one busy day from breaches.",
            (
                Query(
                    f"histogram_quantile(0.9, sum by (le, plan) (increase({RESPONSE}_bucket"
                    "[$__range])))",
                    "{{plan}}",
                    quiet="a plan without a first response has no value",
                ),
            ),
            kind=Kind.BARS,
            unit=Unit.SECONDS,
            width=12,
        ),
    ),
)

BOARD = Board(
    "business",
    "Careline: promises to customers",
    "Outcomes by plan and clock, what is due within the hour, first response in working time.",
    (KEPT, AHEAD, RESPONSES),
    span="now-24h",
)
