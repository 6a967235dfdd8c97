"""sla: who is on which plan, and what is due when."""

from deploy.grafana.boards.service import of, process, requests, stream
from deploy.grafana.parts import GREEN, RED, Board, Kind, Panel, Query, Row, Unit, rate

MINE = of("sla")

PROMISES = Row(
    "Promises",
    (
        Panel(
            "Tickets slotted, by plan",
            "A ticket that came in and is in no plan stands still in the stream of sla.",
            (rate("sla_tickets_slotted_total", MINE, by="plan"),),
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            "What is said of deadlines",
            "Met, at risk, breached, and taken back.",
            (rate("sla_outcomes_total", MINE, by="event"),),
            unit=Unit.PER_SECOND,
            stacked=True,
            alerts=("BreachSurge",),
        ),
        Panel(
            "Plan catalogue",
            "Refused: its file is wrong, and the catalogue from before stays in force.",
            (Query(f"max(careline_catalogue_refused{{{MINE}}})"),),
            kind=Kind.FIGURES,
            steps=((0, GREEN), (1, RED)),
            words={0: ("in force", GREEN), 1: ("refused", RED)},
            alerts=("CatalogueRefused",),
        ),
    ),
)

BOARD = Board(
    "sla",
    "Careline: sla",
    "The service that slots tickets and watches their clocks; its timers have a board of their "
    "own.",
    (requests("sla", 1, "NotReady"), PROMISES, stream("sla"), process("sla")),
    job="sla",
)
