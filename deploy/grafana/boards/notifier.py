"""notifier: mails to customers, alerts to people."""

from deploy.grafana.boards.service import of, process, requests, stream
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

MINE = of("notifier")

DELIVERIES = Row(
    "Deliveries",
    (
        Panel(
            "From the ticket to its acknowledgement",
            "Until the mail server has it. Promised are 60 s for 99.9 %.",
            tuple(quantiles("notifier_latency_seconds", f'{MINE},kind="acknowledgement"')),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (60, RED)),
            lines=True,
            alerts=("AcknowledgementsLate",),
        ),
        Panel(
            "From a breach to its alert",
            "Until the other side has it. Promised are 30 s for 99.9 %.",
            tuple(quantiles("notifier_latency_seconds", f'{MINE},kind="breach_alert"')),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (30, RED)),
            lines=True,
            alerts=("BreachAlertsLate",),
        ),
        Panel(
            "Deliveries by how they ended",
            "Suppressed were not to go any more. Failed: nobody tries again by itself.",
            (rate("notifier_deliveries_total", MINE, by="outcome"),),
            unit=Unit.PER_SECOND,
            stacked=True,
            alerts=("MailsRefused", "AlertsGivenUp"),
        ),
        Panel(
            "Names that lead nowhere",
            "Of the catalogue's alerts, those that no destination has.",
            (Query(f"max(notifier_unknown_destinations{{{MINE}}})"),),
            kind=Kind.FIGURES,
            height=4,
            steps=((0, GREEN), (1, RED)),
            alerts=("UnknownDestination",),
        ),
        Panel(
            "Plan catalogue",
            "Refused: its file is wrong, and the catalogue from before stays in force.",
            (Query(f"max(careline_catalogue_refused{{{MINE}}})"),),
            kind=Kind.FIGURES,
            height=4,
            steps=((0, GREEN), (1, RED)),
            words={0: ("in force", GREEN), 1: ("refused", RED)},
            alerts=("CatalogueRefused",),
        ),
        Panel(
            "Articles for mails",
            "Refused: their file is wrong, and earlier articles stay in use.",
            (Query(f"max(notifier_articles_refused{{{MINE}}})"),),
            kind=Kind.FIGURES,
            height=4,
            steps=((0, GREEN), (1, AMBER)),
            words={0: ("in use", GREEN), 1: ("refused", AMBER)},
            alerts=("ArticlesRefused",),
        ),
    ),
)

BOARD = Board(
    "notifier",
    "Careline: notifier",
    "The service that tells customers and colleagues; each way out stands on a board of its own.",
    (
        DELIVERIES,
        requests("notifier", 1, "NotReady"),
        stream("notifier"),
        process("notifier"),
    ),
    job="notifier",
)
