"""At a glance: are customers being answered, and how much of the error budgets is left?"""

from deploy.grafana.parts import (
    AMBER,
    GREEN,
    GREY,
    RED,
    Board,
    Kind,
    Panel,
    Query,
    Row,
    Unit,
    rate,
)

SERVICES = 'job=~"intake|sla|notifier|messaging"'
BURN = "objective:bad:ratio_rate{} / (1 - objective:target:ratio)"

NOW = Row(
    "Are customers being answered?",
    (
        Panel(
            "Services",
            "Whether at least one replica of each service has all that it needs. Not ready: look "
            "at the parts on the service's own board. Nothing shown: it is not scraped.",
            (Query(f"max by (job) (careline_ready{{{SERVICES}}})", "{{job}}"),),
            kind=Kind.FIGURES,
            width=8,
            height=4,
            steps=((0, RED), (1, GREEN)),
            words={0: ("not ready", RED), 1: ("ready", GREEN)},
            alerts=("ServiceDown", "NotReady", "MetricsAbsent"),
        ),
        Panel(
            "Oldest acknowledgement that waits",
            "How long ago the ticket came in whose customer has heard nothing yet. Promised is a "
            "minute.",
            (Query('max(notifier_oldest_pending_of_kind_seconds{kind="acknowledgement"})'),),
            kind=Kind.FIGURES,
            unit=Unit.SECONDS,
            width=4,
            height=4,
            steps=((0, GREEN), (30, AMBER), (60, RED)),
            alerts=("AcknowledgementsWaiting",),
        ),
        Panel(
            "Oldest deadline not fired",
            "How long nobody has been told of a deadline that passed. Promised is a second.",
            (Query("max(sla_oldest_unfired_seconds)"),),
            kind=Kind.FIGURES,
            unit=Unit.SECONDS,
            width=4,
            height=4,
            steps=((0, GREEN), (5, AMBER), (60, RED)),
            alerts=("TimersOverdue",),
        ),
        Panel(
            "Furthest behind the stream",
            "For how long some service has not been at the end of what it reads.",
            (Query("max(careline_consumer_lag_seconds)"),),
            kind=Kind.FIGURES,
            unit=Unit.SECONDS,
            width=4,
            height=4,
            steps=((0, GREEN), (10, AMBER), (60, RED)),
            alerts=("FarBehind", "LagGrowing"),
        ),
        Panel(
            "Promises broken on the stream",
            "What the auditor finds wrong in the stream or between it and the databases. Anything "
            "but 0 is a mistake of the desk.",
            (Query("sum(invariant_violations)"),),
            kind=Kind.FIGURES,
            width=4,
            height=4,
            steps=((0, GREEN), (1, RED)),
            none="no auditor",
            alerts=("InvariantViolated", "AuditorMissing"),
        ),
    ),
)

FLOW = Row(
    "What comes in, and what goes out",
    (
        Panel(
            "Requests taken",
            "By form and API, and as mail. Nothing where there is usually something: look at the "
            "ways in on the board of intake.",
            (
                rate("intake_tickets_total", 'outcome="accepted"', by="channel"),
                rate(
                    "intake_mails_total",
                    'outcome=~"ticket|reply"',
                    by="outcome",
                    legend="mail: {{outcome}}",
                ),
            ),
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Deliveries that went out",
            "Acknowledgements should follow the tickets of the panel to the left.",
            (rate("notifier_deliveries_total", 'outcome="sent"', by="kind"),),
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Messages in threads",
            "By whose they are. Customers without agents: nobody answers.",
            (rate("thread_messages_total", by="author"),),
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
    ),
)

BUDGETS = Row(
    "Error budgets of 30 days",
    (
        Panel(
            "Budget that is left",
            "Of what may go wrong in 30 days, the share that has not. At 0 the objective is "
            "missed: what is risky waits.",
            (Query("objective:error_budget:left30d", "{{objective}}"),),
            kind=Kind.BARS,
            unit=Unit.SHARE,
            width=6,
            height=9,
            steps=((0, RED), (0.1, AMBER), (0.5, GREEN)),
            alerts=("IntakeAnswersFailing", "AcknowledgementsLate", "DeadlinesLate"),
        ),
        Panel(
            "How fast budgets burn",
            "Over an hour, as a multiple of what uses a budget up in exactly 30 days. 14.4 wakes "
            "somebody, 6 does after six hours.",
            (Query(BURN.format("1h"), "{{objective}}"),),
            width=8,
            height=9,
            steps=((0, GREEN), (6, AMBER), (14.4, RED)),
            lines=True,
            alerts=("IntakeSlow", "BreachAlertsLate", "DeadlinesSlow", "ChatSlow"),
        ),
        Panel(
            "Bad events of the last hour",
            "How many went wrong, however many there were: a burnt budget of three events is "
            "less than it looks.",
            (Query("objective:bad:increase1h", "{{objective}}"),),
            kind=Kind.BARS,
            width=5,
            height=9,
            steps=((0, GREEN), (3, AMBER), (20, RED)),
            decimals=0,
        ),
        Panel(
            "Share that went wrong in 30 days",
            "Beside what is allowed: 0.05 % of intake's answers, 0.1 % of acknowledgements.",
            (Query("objective:bad:ratio_rate30d", "{{objective}}"),),
            kind=Kind.BARS,
            unit=Unit.SHARE,
            width=5,
            height=9,
            steps=((0, GREEN), (0.0005, AMBER), (0.01, RED)),
            highest=0.02,
        ),
    ),
)

ALERTS = Row(
    "Alerts and versions",
    (
        Panel(
            "Alerts that fire or are about to",
            "Each has a runbook with what to look at first and what to do.",
            (
                Query(
                    'sum by (alertname, severity, alertstate) (ALERTS{severity!="none"})',
                    "{{alertname}}: {{severity}}, {{alertstate}}",
                    quiet="there is none while all is well",
                ),
            ),
            kind=Kind.TABLE,
            width=12,
            none="none",
        ),
        Panel(
            "Alerting works",
            "The watchdog fires always. Where it is missing, so may be every other alert.",
            (Query('count(ALERTS{alertname="Watchdog",alertstate="firing"})'),),
            kind=Kind.FIGURES,
            width=4,
            steps=((0, RED), (1, GREEN)),
            words={1: ("yes", GREEN)},
            none="no",
            alerts=("Watchdog",),
        ),
        Panel(
            "What runs",
            "Replicas by version. Two versions of one service stand here during an upgrade only.",
            (
                Query(
                    "count by (job, version) (careline_build_info)",
                    "{{job}} {{version}}",
                ),
            ),
            kind=Kind.BARS,
            width=8,
            steps=((0, GREY),),
            decimals=0,
            alerts=("VersionsDiffer", "TargetDown"),
        ),
    ),
)

BOARD = Board(
    "overview",
    "Careline: overview",
    "Are customers being answered? The first row says it; the second what comes and goes; the "
    "third whether we keep what we owe over 30 days.",
    (NOW, FLOW, BUDGETS, ALERTS),
)
