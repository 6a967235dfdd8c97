"""The stream between the services: who is behind, what was put aside, what waits to be said."""

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

HEARD = Row(
    "Heard",
    (
        Panel(
            "Behind, in seconds",
            "How long what is not handled yet has waited, where it waits longest, by who reads it. "
            "What grows steadily needs a replica, or has a record that takes too long.",
            (Query("max by (job, topic) (careline_consumer_lag_seconds)", "{{job}} {{topic}}"),),
            unit=Unit.SECONDS,
            width=12,
            height=8,
            steps=((0, GREEN), (10, AMBER), (60, RED)),
            lines=True,
            alerts=("FarBehind", "LagGrowing"),
        ),
        Panel(
            "Behind, in records",
            "Not handled yet, of all partitions together.",
            (Query("sum by (job, topic) (careline_consumer_lag_records)", "{{job}} {{topic}}"),),
            width=12,
            height=8,
            alerts=("LagGrowing",),
        ),
        Panel(
            "Records heard, by reader",
            "Other: for another service, and passed over.",
            (rate("messaging_client_consumed_messages_total", by="job, outcome"),),
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            "99 of 100 batches take",
            "Read, decided, committed; by reader.",
            (slowest("messaging_process_duration_seconds", by="job"),),
            unit=Unit.SECONDS,
        ),
        Panel(
            "Batches tried again",
            "In 5 minutes: what failed may pass, the database being away for example.",
            (Query("sum by (job) (increase(careline_batch_retries_total[5m]))", "{{job}}"),),
            steps=((0, GREEN), (1, AMBER)),
            alerts=("BatchesFailing",),
        ),
        Panel(
            "Tries to read that failed",
            "In 5 minutes, by topic: a partition stands still, the others go on.",
            (
                Query(
                    "sum by (job, topic) (increase(careline_read_failures_total[5m]))",
                    "{{job}} {{topic}}",
                ),
            ),
            steps=((0, GREEN), (1, RED)),
            alerts=("ReadFailing",),
        ),
        Panel(
            "Partitions read",
            "By replica; uneven ones after a restart even out. 0 for a while: too many replicas.",
            (Query("sum by (job, instance) (careline_partitions_owned)", "{{job}} {{instance}}"),),
        ),
        Panel(
            "Learning anew from the stream",
            "Whose database was lost or put back, and comes back from the stream.",
            (Query("max by (job) (careline_rebuilding)", "{{job}}"),),
            kind=Kind.FIGURES,
            steps=((0, GREEN), (1, AMBER)),
            words={0: ("no", GREEN), 1: ("rebuilding", AMBER)},
            alerts=("RebuildRunningLong",),
        ),
        Panel(
            "Lost to a restored database",
            "Offsets that the stream no longer had when a backup caught up: `stream_lost` in logs.",
            (Query("max by (job) (careline_restore_lost_offsets)", "{{job}}"),),
            kind=Kind.FIGURES,
            steps=((0, GREEN), (1, RED)),
            alerts=("RestoreIncomplete",),
        ),
    ),
)

ASIDE = Row(
    "Put aside",
    (
        Panel(
            "Dead letters of a day",
            "Records that a service could not handle; `make dead` lists them, with reasons.",
            (
                Query(
                    "sum by (job) (increase(careline_dead_letters_total[1d]))",
                    "{{job}}",
                ),
            ),
            kind=Kind.FIGURES,
            steps=((0, GREEN), (1, RED)),
            decimals=0,
            alerts=("DeadLetters", "DeadLettersMany"),
        ),
        Panel(
            "Dead letters by topic",
            "In 15 minutes. Many of one topic at once: a release that can't read what is said.",
            (
                Query(
                    "sum by (job, topic) (increase(careline_dead_letters_total[15m]))",
                    "{{job}} {{topic}}",
                ),
            ),
            alerts=("DeadLettersMany",),
        ),
        Panel(
            "Topics that are not as declared",
            "Differences at the last look; `make topics` names and mends them.",
            (Query("max by (topic) (careline_topic_differences)", "{{topic}}"),),
            kind=Kind.BARS,
            steps=((0, GREEN), (1, RED)),
            decimals=0,
            alerts=("TopicDiffers",),
        ),
    ),
)

SAID = Row(
    "Said",
    (
        Panel(
            "Outbox: the oldest event that waits",
            "Committed and not on the stream yet. A climbing line: the broker takes nothing.",
            (Query("max by (job) (careline_outbox_oldest_seconds)", "{{job}}"),),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (60, RED)),
            lines=True,
            alerts=("OutboxStuck",),
        ),
        Panel(
            "Outbox: events that wait",
            "How many there are.",
            (Query("sum by (job) (careline_outbox_events)", "{{job}}"),),
            alerts=("OutboxStuck",),
        ),
        Panel(
            "Outbox: events published",
            "By the relay of each service.",
            (rate("careline_outbox_published_total", by="job"),),
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            "Records said, by topic",
            "Taken by all in-sync replicas of the broker.",
            (
                rate(
                    "messaging_client_sent_messages_total",
                    by="messaging_destination_name, job",
                    legend="{{messaging_destination_name}} by {{job}}",
                ),
            ),
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            "99 of 100 sends take",
            "Until all in-sync replicas have the record.",
            (slowest("messaging_client_operation_duration_seconds", by="job"),),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (1, AMBER)),
            alerts=("PublishingFails",),
        ),
        Panel(
            "Sends that failed",
            "In 5 minutes, by kind of failure.",
            (
                Query(
                    "sum by (job) (increase(messaging_client_operation_duration_seconds_count"
                    '{error_type!=""}[5m])) or 0 * sum by (job) (increase('
                    "messaging_client_operation_duration_seconds_count[5m]))",
                    "{{job}}",
                ),
            ),
            steps=((0, GREEN), (1, RED)),
            alerts=("PublishingFails",),
        ),
    ),
)

BOARD = Board(
    "kafka",
    "Careline: the stream",
    "Kafka as the services see it: how far each is behind, what was put aside, what waits.",
    (HEARD, ASIDE, SAID),
)
