"""The auditor: does the desk keep its word, as somebody from outside sees it?"""

from deploy.grafana.boards.service import process
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

NO_DATABASE = "begins where the auditor is given a database to look into"

PROMISES = Row(
    "Promises",
    (
        Panel(
            "Broken now",
            "Violations that are open. Anything but 0 is a mistake of the desk, and worth "
            "somebody's night.",
            (Query("sum(invariant_violations)"),),
            kind=Kind.FIGURES,
            width=6,
            height=9,
            steps=((0, GREEN), (1, RED)),
            decimals=0,
            alerts=("InvariantViolated",),
        ),
        Panel(
            "Broken now, by promise",
            "The log of the auditor names the tickets.",
            (Query("sum by (promise) (invariant_violations)", "{{promise}}"),),
            kind=Kind.BARS,
            width=10,
            height=9,
            steps=((0, GREEN), (1, RED)),
            decimals=0,
            alerts=("InvariantViolated",),
        ),
        Panel(
            "Found in an hour",
            "Those that were mended since are among them.",
            (
                Query(
                    "sum by (promise) (increase(auditor_violations_found_total[1h])) > 0",
                    "{{promise}}",
                    quiet="there is none while every promise is kept",
                ),
            ),
            width=8,
            height=9,
            none="none",
        ),
    ),
)

WORK = Row(
    "Does it look at all?",
    (
        Panel(
            "Behind",
            "How long ago the moment is up to which it has heard all. What is later is not judged.",
            (Query("max(auditor_behind_seconds)", "behind"),),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (300, RED)),
            lines=True,
            alerts=("AuditorBehind", "AuditorMissing"),
        ),
        Panel(
            "Records checked",
            "Of the whole stream.",
            (Query("sum(rate(auditor_records_checked_total[$__rate_interval]))", "checked"),),
            unit=Unit.PER_SECOND,
        ),
        Panel(
            "Records that wait to be judged",
            "Until all partitions were heard up to them.",
            (Query("sum(auditor_pending_records)", "waiting"),),
        ),
        Panel(
            "Tickets that are remembered",
            "Beside the most that it may: beyond, some are let go before they are judged.",
            (
                Query("sum(auditor_tracked_tickets)", "remembered"),
                Query("sum(auditor_tracked_tickets_max)", "the most"),
            ),
            alerts=("AuditorForgets",),
        ),
        Panel(
            "Tickets let go too early",
            "In a day.",
            (Query("sum(increase(auditor_forgotten_tickets_total[1d]))"),),
            kind=Kind.FIGURES,
            width=4,
            steps=((0, GREEN), (1, AMBER)),
            decimals=0,
            alerts=("AuditorForgets",),
        ),
        Panel(
            "Databases it reads",
            "Whether each was read in the last round.",
            (
                Query(
                    "min by (database) (auditor_database_read)",
                    "{{database}}",
                    quiet=NO_DATABASE,
                ),
            ),
            kind=Kind.FIGURES,
            width=4,
            steps=((0, RED), (1, GREEN)),
            words={0: ("no", RED), 1: ("yes", GREEN)},
            none="none given",
            alerts=("AuditorDatabaseUnread",),
        ),
        Panel(
            "Tickets compared with databases",
            "In each second.",
            (
                Query(
                    "sum by (database) (rate(auditor_tickets_compared_total[$__rate_interval]))",
                    "{{database}}",
                ),
            ),
            unit=Unit.PER_SECOND,
        ),
    ),
)

BOARD = Board(
    "auditor",
    "Careline: auditor",
    "Whether the promises of the desk are kept, checked on the stream and in the databases.",
    (PROMISES, WORK, process("auditor")),
    job="auditor",
)
