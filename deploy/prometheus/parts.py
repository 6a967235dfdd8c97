"""Whether the desk's processes are there, ready, and can reach their databases."""

from deploy.prometheus.pace import HOUR, MINUTE, Pace
from deploy.prometheus.rules import Alert, Group, Rule, Severity
from shared.metrics import EVERYWHERE, SERVICES

EVERY = 30
_SERVICES = f'job=~"{"|".join(SERVICES)}"'
"""The auditor is not among them: no customer waits for it. `promises.py` has its alerts."""
_OURS = f'job=~"{"|".join(EVERYWHERE)}"'
_REBUILDING = "careline_rebuilding == 1"


def groups(pace: Pace) -> list[Group]:
    """Alerts of processes, their files and their databases."""
    every = pace.every(EVERY)
    return [
        Group("careline-watchdog", every, [_watchdog(pace)]),
        Group("careline-services", every, _services(pace)),
        Group("careline-databases", every, _databases(pace)),
        Group("careline-files", every, _files(pace)),
    ]


def _watchdog(pace: Pace) -> Alert:
    return Alert(
        name="Watchdog",
        expr="vector(1)",
        hold=pace.hold(0),
        severity=Severity.NONE,
        summary="Alerting works",
        description="This alert always fires. Whoever gets it regularly raises the alarm when it "
        "stops: then Prometheus, Alertmanager or the way out of them is broken.",
        dashboard="careline-overview",
        runbook="services",
    )


def _services(pace: Pace) -> list[Rule]:
    return [
        _service_down(pace),
        _target_down(pace),
        _metrics_absent(pace),
        _not_ready(pace),
        _replica_not_ready(pace),
        _rebuild_running_long(pace),
        _restore_incomplete(pace),
        _worker_failing(pace),
        _keys_failing(pace),
    ]


def _service_down(pace: Pace) -> Alert:
    return Alert(
        name="ServiceDown",
        expr=f"max by (job) (up{{{_SERVICES}}}) == 0",
        hold=pace.hold(MINUTE),
        severity=Severity.PAGE,
        summary="{{ $labels.job }} is down",
        description="No replica of {{ $labels.job }} answers Prometheus.",
        dashboard="careline-overview",
        runbook="services",
    )


def _target_down(pace: Pace) -> Alert:
    return Alert(
        name="TargetDown",
        expr=f"up{{{_OURS}}} == 0",
        hold=pace.hold(5 * MINUTE),
        severity=Severity.TICKET,
        summary="A replica of {{ $labels.job }} is down",
        description="{{ $labels.instance }} does not answer Prometheus.",
        dashboard="careline-overview",
        runbook="services",
    )


def _metrics_absent(pace: Pace) -> Alert:
    absent = "\nor ".join(f'absent(careline_ready{{job="{each}"}})' for each in SERVICES)
    return Alert(
        name="MetricsAbsent",
        expr=absent,
        hold=pace.hold(5 * MINUTE),
        severity=Severity.PAGE,
        summary="Nothing is known of {{ $labels.job }}",
        description="No series of {{ $labels.job }} has arrived: alerts about it are silent.",
        dashboard="careline-overview",
        runbook="services",
    )


def _not_ready(pace: Pace) -> Alert:
    return Alert(
        name="NotReady",
        expr=f"max by (job) (careline_ready{{{_SERVICES}}}) == 0\nunless on (job) {_REBUILDING}",
        hold=pace.hold(2 * MINUTE),
        severity=Severity.PAGE,
        summary="{{ $labels.job }} is not ready",
        description="All replicas of {{ $labels.job }} run, and none of them is ready.",
        dashboard="careline-overview",
        runbook="services",
    )


def _replica_not_ready(pace: Pace) -> Alert:
    return Alert(
        name="ReplicaNotReady",
        expr="careline_ready == 0",
        hold=pace.hold(15 * MINUTE),
        severity=Severity.TICKET,
        summary="A replica of {{ $labels.job }} is not ready",
        description="{{ $labels.instance }} runs and is not ready.",
        dashboard="careline-overview",
        runbook="services",
    )


def _rebuild_running_long(pace: Pace) -> Alert:
    return Alert(
        name="RebuildRunningLong",
        expr="max by (job) (careline_rebuilding) == 1",
        hold=pace.hold(30 * MINUTE),
        severity=Severity.TICKET,
        summary="{{ $labels.job }} still learns from the stream",
        description="The database of {{ $labels.job }} is being rebuilt for more than "
        f"{pace.hold(30 * MINUTE)}: requests to it are answered 503.",
        dashboard="careline-kafka",
        runbook="services",
    )


def _restore_incomplete(pace: Pace) -> Alert:
    return Alert(
        name="RestoreIncomplete",
        expr="max by (job) (careline_restore_lost_offsets) > 0",
        hold=pace.hold(0),
        severity=Severity.TICKET,
        summary="{{ $labels.job }} was restored from a backup older than the stream",
        description='{{ $value | printf "%.0f" }} offsets were on the stream no longer when the '
        "database of {{ $labels.job }} caught up: what they said is missing there.",
        dashboard="careline-kafka",
        runbook="services",
    )


def _worker_failing(pace: Pace) -> Alert:
    failing = pace.window(10 * MINUTE)
    return Alert(
        name="WorkerFailing",
        expr='sum by (job, worker) (increase(careline_worker_failures_total{worker!="keys"}'
        f"[{failing}])) > 10",
        hold=pace.hold(5 * MINUTE),
        severity=Severity.TICKET,
        summary="Work in the background of {{ $labels.job }} fails: {{ $labels.worker }}",
        description='{{ $value | printf "%.0f" }} steps of {{ $labels.worker }} failed in '
        f"{failing}.",
        dashboard="careline-overview",
        runbook="services",
    )


def _keys_failing(pace: Pace) -> Alert:
    failing = pace.window(10 * MINUTE)
    # A secret that is wrong fails no step: keys are kept as they came, and open to nobody. Before
    # the worker has started the keyring is not ready for other reasons.
    return Alert(
        name="KeysFailing",
        expr='sum by (job) (increase(careline_worker_failures_total{worker="keys"}'
        f"[{failing}])) > 5\n"
        'or max by (job) (careline_part_ready{part="keyring"} == 0\n'
        'and on (job, instance) careline_part_ready{part="keys"} == 1)',
        hold=pace.hold(2 * MINUTE),
        severity=Severity.PAGE,
        summary="{{ $labels.job }} can't take up keys of personal data",
        description="Its secret does not open them, or reading them failed again and again in "
        f"{failing}: what they sealed can't be handled.",
        dashboard="careline-kafka",
        runbook="services",
    )


def _databases(pace: Pace) -> list[Rule]:
    recently = pace.window(10 * MINUTE)
    return [
        Alert(
            name="BatchesFailing",
            expr="sum by (job) (increase(careline_batch_retries_total"
            f"[{pace.window(5 * MINUTE)}])) > 5",
            hold=pace.hold(2 * MINUTE),
            severity=Severity.PAGE,
            summary="{{ $labels.job }} stands still: its batches fail again and again",
            description='{{ $value | printf "%.0f" }} tries of batches failed in '
            f"{pace.window(5 * MINUTE)}. Mostly its database is away, or a secret is wrong.",
            dashboard="careline-postgres",
            runbook="databases",
        ),
        Alert(
            name="DatabasePoolExhausted",
            expr=f"sum by (job) (increase(db_client_connection_timeouts_total[{recently}])) > 0",
            hold=pace.hold(2 * MINUTE),
            severity=Severity.TICKET,
            summary="{{ $labels.job }} waits in vain for connections to its database",
            description='{{ $value | printf "%.0f" }} times in '
            f"{recently} no connection got free within 5 s.",
            dashboard="careline-postgres",
            runbook="databases",
        ),
        Alert(
            name="DatabasePoolBusy",
            expr='db_client_connections{db_client_connection_state="used"}\n'
            "/ ignoring (db_client_connection_state) db_client_connection_max > 0.9",
            hold=pace.hold(15 * MINUTE),
            severity=Severity.TICKET,
            summary="Nearly all database connections of {{ $labels.job }} are in use",
            description="{{ $value | humanizePercentage }} of the connections of "
            "{{ $labels.instance }} have been in use for a while.",
            dashboard="careline-postgres",
            runbook="databases",
        ),
    ]


def _files(pace: Pace) -> list[Rule]:
    return [
        _catalogue_refused(pace),
        _articles_refused(pace),
        _unknown_destination(pace),
        _versions_differ(pace),
    ]


def _catalogue_refused(pace: Pace) -> Alert:
    return Alert(
        name="CatalogueRefused",
        expr="max by (job) (careline_catalogue_refused) == 1",
        hold=pace.hold(2 * MINUTE),
        severity=Severity.TICKET,
        summary="{{ $labels.job }} refuses the plan catalogue",
        description="The file is wrong; promises are made by the catalogue before it.",
        dashboard="careline-business",
        runbook="files",
    )


def _articles_refused(pace: Pace) -> Alert:
    return Alert(
        name="ArticlesRefused",
        expr="max by (job) (notifier_articles_refused) == 1\n"
        "or max by (job) (thread_articles_refused) == 1",
        hold=pace.hold(5 * MINUTE),
        severity=Severity.TICKET,
        summary="{{ $labels.job }} refuses the articles",
        description="A file is wrong; earlier articles stay in use.",
        dashboard="careline-overview",
        runbook="files",
    )


def _unknown_destination(pace: Pace) -> Alert:
    return Alert(
        name="UnknownDestination",
        expr="max(notifier_unknown_destinations) > 0",
        hold=pace.hold(5 * MINUTE),
        severity=Severity.TICKET,
        summary="The plan catalogue names destinations that nobody has set up",
        description="{{ $value }} names are unknown to notifier: alerts to them fail.",
        dashboard="careline-notifier",
        runbook="files",
    )


def _versions_differ(pace: Pace) -> Alert:
    return Alert(
        name="VersionsDiffer",
        expr="count(count by (version) (careline_build_info)) > 1",
        hold=pace.hold(2 * HOUR),
        severity=Severity.TICKET,
        summary="Different versions of the desk run side by side",
        description="{{ $value }} versions run: an upgrade was not ended.",
        dashboard="careline-overview",
        runbook="files",
    )
