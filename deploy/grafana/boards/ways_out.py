"""Ways out: mail, webhooks, Slack, PagerDuty, each for itself."""

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
    rate,
    slowest,
)

LANES = Row(
    "By way out",
    (
        Panel(
            "Tries",
            "Accepted, refused for good, or lost: nobody knows, and it is tried again.",
            (rate("notifier_tries_total", by="lane, outcome"),),
            unit=Unit.PER_SECOND,
            stacked=True,
            height=8,
            alerts=("MailServerAway", "DestinationFailing"),
        ),
        Panel(
            "Share that was not accepted",
            "Of the tries of each way out.",
            (
                Query(
                    "1 - (sum by (lane) (rate(notifier_tries_total"
                    '{outcome="accepted"}[$__rate_interval])) or '
                    "0 * sum by (lane) (rate(notifier_tries_total[$__rate_interval]))) / "
                    "(sum by (lane) (rate(notifier_tries_total[$__rate_interval])) > 0)",
                    "{{lane}}",
                    quiet="has no value while nothing is tried",
                ),
            ),
            unit=Unit.SHARE,
            height=8,
            steps=((0, GREEN), (0.1, RED)),
            lines=True,
            none="nothing was tried",
            alerts=("MailsRefused", "DestinationFailing"),
        ),
        Panel(
            "The oldest that waits",
            "Since when it could have gone. It climbs while the other side takes nothing.",
            (Query("max by (lane) (notifier_oldest_pending_seconds)", "{{lane}}"),),
            unit=Unit.SECONDS,
            height=8,
            steps=((0, GREEN), (60, RED)),
            lines=True,
            alerts=("MailServerAway", "DestinationAway"),
        ),
        Panel(
            "Left alone, since the other side fails",
            "It is tried again by itself, with growing pauses; the others go on.",
            (Query("max by (lane) (notifier_lane_open)", "{{lane}}"),),
            kind=Kind.FIGURES,
            width=12,
            height=5,
            steps=((0, GREEN), (1, RED)),
            words={0: ("works", GREEN), 1: ("left alone", RED)},
            alerts=("MailServerAway", "DestinationAway"),
        ),
        Panel(
            "Tries under way",
            "All places taken for long: the other side is slow.",
            (Query("sum by (lane) (notifier_in_flight)", "{{lane}}"),),
            width=12,
            height=5,
        ),
    ),
)

KINDS = Row(
    "By kind of delivery",
    (
        Panel(
            "99 of 100 are taken within",
            "From what caused it to the other side's taking it.",
            (slowest("notifier_latency_seconds", by="kind"),),
            unit=Unit.SECONDS,
            height=8,
            steps=((0, GREEN), (30, AMBER), (60, RED)),
            lines=True,
            alerts=("AcknowledgementsLate", "BreachAlertsLate"),
        ),
        Panel(
            "Waiting",
            "Deliveries that could go now and have not ended.",
            (Query("sum by (kind) (notifier_pending)", "{{kind}}"),),
            height=8,
            stacked=True,
            alerts=("AcknowledgementsWaiting",),
        ),
        Panel(
            "The one that waits longest",
            "How long ago it was caused: what the histogram to the left does not see yet.",
            (Query("max by (kind) (notifier_oldest_pending_of_kind_seconds)", "{{kind}}"),),
            unit=Unit.SECONDS,
            height=8,
            steps=((0, GREEN), (60, RED)),
            lines=True,
            alerts=("AcknowledgementsWaiting",),
        ),
        Panel(
            "Ended, by how",
            "In an hour.",
            (
                Query(
                    "sum by (kind, outcome) (increase(notifier_deliveries_total[1h])) > 0",
                    "{{kind}}: {{outcome}}",
                ),
            ),
            kind=Kind.BARS,
            width=16,
            height=9,
            decimals=0,
            alerts=("MailsRefused", "AlertsGivenUp"),
        ),
        Panel(
            "Second copies",
            "In a day, deliveries sent again after a try of which nobody knows what it came to.",
            (Query("sum(increase(notifier_second_copies_possible_total[1d]))"),),
            kind=Kind.FIGURES,
            width=8,
            height=9,
            steps=((0, GREEN), (1, AMBER), (20, RED)),
            decimals=0,
            alerts=("SecondCopies",),
        ),
    ),
)

BOARD = Board(
    "ways-out",
    "Careline: ways out",
    "Mail, webhooks, Slack and PagerDuty: what is tried, what waits, what the other side says.",
    (LANES, KINDS),
)
