"""Whether events go onto the stream, and whether they are heard."""

from deploy.prometheus.pace import HOUR, MINUTE, Pace
from deploy.prometheus.rules import Alert, Group, Recording, Rule, Severity

EVERY = 30
_REBUILDING = "max by (job) (careline_rebuilding) == 1"


def groups(pace: Pace) -> list[Group]:
    """Recordings and alerts of outbox and consumers."""
    every = pace.every(EVERY)
    recordings = [
        Recording("job:careline_outbox_oldest_seconds:max", _max("careline_outbox_oldest_seconds")),
        Recording(
            "job_topic:careline_consumer_lag_records:sum",
            "sum by (job, topic) (careline_consumer_lag_records)",
        ),
        Recording(
            "job_topic:careline_consumer_lag_seconds:max",
            "max by (job, topic) (careline_consumer_lag_seconds)",
        ),
    ]
    return [
        Group("careline-stream", every, recordings),
        Group("careline-saying", every, _saying(pace)),
        Group("careline-hearing", every, _hearing(pace)),
    ]


def _max(metric: str) -> str:
    return f"max by (job) ({metric})"


def _saying(pace: Pace) -> list[Rule]:
    recently = pace.window(5 * MINUTE)
    return [
        Alert(
            name="OutboxStuck",
            expr=f"job:careline_outbox_oldest_seconds:max > {pace.age(60)}",
            hold=pace.hold(MINUTE),
            severity=Severity.PAGE,
            summary="What {{ $labels.job }} has to say does not leave its database",
            description="The oldest event waits for {{ $value | humanizeDuration }}: others do "
            "not hear what {{ $labels.job }} has decided.",
            dashboard="careline-kafka",
            runbook="stream",
        ),
        Alert(
            name="PublishingFails",
            expr="sum by (job) (increase(messaging_client_operation_duration_seconds_count"
            f'{{error_type!=""}}[{recently}])) > 3',
            hold=pace.hold(MINUTE),
            severity=Severity.TICKET,
            summary="Kafka does not take what {{ $labels.job }} says",
            description=f'{{{{ $value | printf "%.0f" }}}} tries to publish failed in {recently}.',
            dashboard="careline-kafka",
            runbook="stream",
        ),
        Alert(
            name="TopicDiffers",
            expr="max by (topic) (careline_topic_differences) > 0",
            hold=pace.hold(15 * MINUTE),
            severity=Severity.TICKET,
            summary="{{ $labels.topic }} is not as it was declared",
            description="{{ $value }} settings of {{ $labels.topic }} differ.",
            dashboard="careline-kafka",
            runbook="stream",
        ),
    ]


def _hearing(pace: Pace) -> list[Rule]:
    return [
        _lag_growing(pace),
        _far_behind(pace),
        _read_failing(pace),
        _dead_letters(pace),
        _dead_letters_many(pace),
    ]


def _lag_growing(pace: Pace) -> Alert:
    records = "job_topic:careline_consumer_lag_records:sum"
    return Alert(
        name="LagGrowing",
        expr=f"{records} > 500\n"
        f"and deriv({records}[{pace.window(15 * MINUTE)}]) > 0\n"
        f"unless on (job) {_REBUILDING}",
        hold=pace.hold(15 * MINUTE),
        severity=Severity.TICKET,
        summary="{{ $labels.job }} can't keep up with {{ $labels.topic }}",
        description="{{ $value }} records are not handled, and it gets more of them.",
        dashboard="careline-kafka",
        runbook="stream",
    )


def _far_behind(pace: Pace) -> Alert:
    behind = "job_topic:careline_consumer_lag_seconds:max"
    return Alert(
        name="FarBehind",
        expr=f"{behind} > {pace.age(120)}\n"
        f"and delta({behind}[{pace.window(5 * MINUTE)}]) >= 0\n"
        f"unless on (job) {_REBUILDING}",
        hold=pace.hold(2 * MINUTE),
        severity=Severity.PAGE,
        summary="{{ $labels.job }} hears {{ $labels.topic }} late",
        description="{{ $labels.job }} has not been at the end of a partition for "
        "{{ $value | humanizeDuration }}, and does not catch up.",
        dashboard="careline-kafka",
        runbook="stream",
    )


def _read_failing(pace: Pace) -> Alert:
    recently = pace.window(10 * MINUTE)
    return Alert(
        name="ReadFailing",
        expr=f"sum by (job, topic) (increase(careline_read_failures_total[{recently}])) > 5",
        hold=pace.hold(MINUTE),
        severity=Severity.PAGE,
        summary="{{ $labels.job }} can't read a partition of {{ $labels.topic }}",
        description='{{ $value | printf "%.0f" }} tries failed in '
        f"{recently}: that partition stands still.",
        dashboard="careline-kafka",
        runbook="stream",
    )


def _dead_letters(pace: Pace) -> Alert:
    letters = "increase(careline_dead_letters_total"
    return Alert(
        name="DeadLetters",
        expr=f"sum by (job, topic) ({letters}[{pace.window(HOUR)}])) > 0",
        hold=pace.hold(0),
        severity=Severity.TICKET,
        summary="{{ $labels.job }} put records of {{ $labels.topic }} aside",
        description='{{ $value | printf "%.0f" }} records were put aside in '
        f"{pace.window(HOUR)}: what they say has not happened for {{{{ $labels.job }}}}.",
        dashboard="careline-kafka",
        runbook="stream",
    )


def _dead_letters_many(pace: Pace) -> Alert:
    recently = pace.window(10 * MINUTE)
    letters = "increase(careline_dead_letters_total"
    return Alert(
        name="DeadLettersMany",
        expr=f"sum by (job) ({letters}[{recently}])) > 20",
        hold=pace.hold(0),
        severity=Severity.PAGE,
        summary="{{ $labels.job }} puts one record after the other aside",
        description=f'{{{{ $value | printf "%.0f" }}}} records were put aside in {recently}.',
        dashboard="careline-kafka",
        runbook="stream",
    )
