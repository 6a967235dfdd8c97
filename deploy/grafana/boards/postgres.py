"""Postgres, as far as our services see it; the server's own figures are its exporter's."""

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

HELD = "db_client_operation_duration_seconds"

POOL = Row(
    "Connections",
    (
        Panel(
            "Connections in use, of those there may be",
            "By service. At 100 % for long, work waits for a connection.",
            (
                Query(
                    'sum by (job) (db_client_connections{db_client_connection_state="used"}) '
                    "/ sum by (job) (db_client_connection_max)",
                    "{{job}}",
                ),
            ),
            unit=Unit.SHARE,
            steps=((0, GREEN), (0.8, AMBER), (1, RED)),
            lines=True,
            alerts=("DatabasePoolBusy",),
        ),
        Panel(
            "Connections that are open",
            "In use and idle. All replicas of all services together stay below the server's "
            "`max_connections`.",
            (
                Query(
                    "sum by (job, db_client_connection_state) (db_client_connections)",
                    "{{job}} {{db_client_connection_state}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "99 of 100 waits for a connection take",
            "More than milliseconds: the pool is small, or transactions are slow.",
            (slowest("db_client_connection_wait_time_seconds", by="job"),),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (0.5, AMBER), (5, RED)),
            alerts=("DatabasePoolBusy",),
        ),
        Panel(
            "Nobody got a connection",
            "In 15 minutes, waits that were given up after 5 s.",
            (
                Query(
                    "sum by (job) (increase(db_client_connection_timeouts_total[15m]))",
                    "{{job}}",
                ),
            ),
            kind=Kind.FIGURES,
            width=24,
            height=4,
            steps=((0, GREEN), (1, RED)),
            decimals=0,
            alerts=("DatabasePoolExhausted",),
        ),
    ),
)

WORK = Row(
    "Transactions",
    (
        Panel(
            "Transactions and statements",
            "How often a connection was taken, by what for.",
            (rate(f"{HELD}_count", by="job, db_operation_name"),),
            unit=Unit.PER_SECOND,
            stacked=True,
            height=8,
        ),
        Panel(
            "99 of 100 transactions take",
            "From taking the connection to giving it back: the service's own work is in it.",
            (slowest(HELD, 'db_operation_name="transaction"', by="job"),),
            unit=Unit.SECONDS,
            height=8,
            steps=((0, GREEN), (1, AMBER), (5, RED)),
            lines=True,
        ),
        Panel(
            "Failures",
            "By kind, in 5 minutes. Connections that broke: the server restarted, or is away.",
            (
                Query(
                    f'sum by (job, error_type) (increase({HELD}_count{{error_type!=""}}[5m]))',
                    "{{job}} {{error_type}}",
                    quiet="begins with the first failure",
                ),
            ),
            height=8,
            none="none",
            alerts=("BatchesFailing",),
        ),
        Panel(
            "Databases that are behind: batches tried again",
            "In 5 minutes.",
            (Query("sum by (job) (increase(careline_batch_retries_total[5m]))", "{{job}}"),),
            width=12,
            alerts=("BatchesFailing",),
        ),
        Panel(
            "Connections held, on average",
            "Seconds of connections used up in each second: how many are busy at a time.",
            (rate(f"{HELD}_sum", by="job"),),
            width=12,
        ),
    ),
)

BOARD = Board(
    "postgres",
    "Careline: Postgres",
    "What the services export of their databases: pools, waits, transactions, failures.",
    (POOL, WORK),
)
