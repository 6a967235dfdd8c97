"""Cases of outbox and consumers."""

from deploy.prometheus.cases.case import Case, Firing, Measured, fires, rests

ONE = 'job="sla",instance="sla-1"'
TWO = 'job="sla",instance="sla-2"'
TICKETS = 'topic="careline.tickets"'
SLA = {"job": "sla"}
HEARD = {"job": "sla", "topic": "careline.tickets"}
REBUILDING = f"careline_rebuilding{{{ONE}}}"


def cases() -> list[Case]:
    """All of them."""
    return [_recorded(), *_saying(), *_lag(), *_records()]


def _recorded() -> Case:
    topic = '{job="sla",topic="careline.tickets"}'
    records, seconds = "careline_consumer_lag_records", "careline_consumer_lag_seconds"
    kept = {
        'job:careline_outbox_oldest_seconds:max{job="sla"}': 9,
        f"job_topic:careline_consumer_lag_records:sum{topic}": 12,
        f"job_topic:careline_consumer_lag_seconds:max{topic}": 4,
    }
    return Case(
        {
            f"careline_outbox_oldest_seconds{{{ONE}}}": "7x5",
            f"careline_outbox_oldest_seconds{{{TWO}}}": "9x5",
            f"{records}{{{ONE},{TICKETS}}}": "5x5",
            f"{records}{{{TWO},{TICKETS}}}": "7x5",
            f"{seconds}{{{ONE},{TICKETS}}}": "1x5",
            f"{seconds}{{{TWO},{TICKETS}}}": "4x5",
        },
        measured=[
            Measured(series.partition("{")[0], "3m", {series: value})
            for series, value in kept.items()
        ],
    )


def _saying() -> list[Case]:
    oldest = f"careline_outbox_oldest_seconds{{{ONE}}}"
    sent = "messaging_client_operation_duration_seconds_count"
    failed, taken = f'{sent}{{{ONE},error_type="KafkaError"}}', f'{sent}{{{ONE},error_type=""}}'
    differs = f"careline_topic_differences{{{ONE},{TICKETS}}}"
    of_topic = Firing({"topic": "careline.tickets"}, "2")
    return [
        fires("OutboxStuck", {oldest: "90x9"}, "2m", Firing(SLA, "1m 30s")),
        rests("OutboxStuck", {oldest: "50x9"}, "8m"),
        fires("PublishingFails", {failed: "0+1x20"}, "15m", Firing(SLA, "5")),
        rests("PublishingFails", {failed: "0+0.5x20", taken: "0+90x20"}, "15m"),
        fires("TopicDiffers", {differs: "2x30"}, "20m", of_topic),
        rests("TopicDiffers", {differs: "0x30"}, "20m"),
    ]


def _lag() -> list[Case]:
    records = f"careline_consumer_lag_records{{{ONE},{TICKETS}}}"
    seconds = f"careline_consumer_lag_seconds{{{ONE},{TICKETS}}}"
    return [
        fires("LagGrowing", {records: "400+10x60"}, "40m", Firing(HEARD, "800")),
        rests("LagGrowing", {records: "900x60"}, "40m"),
        rests("LagGrowing", {records: "260+4x60"}, "40m"),
        rests("LagGrowing", {records: "400+10x60", REBUILDING: "1x60"}, "40m"),
        fires("FarBehind", {seconds: "200x20"}, "10m", Firing(HEARD, "3m 20s")),
        rests("FarBehind", {seconds: "100x20"}, "10m"),
        rests("FarBehind", {seconds: "900-20x20"}, "10m"),
        rests("FarBehind", {seconds: "200x20", REBUILDING: "1x20"}, "10m"),
    ]


def _records() -> list[Case]:
    failed = f"careline_read_failures_total{{{ONE},{TICKETS}}}"
    letters = f"careline_dead_letters_total{{{ONE},{TICKETS}}}"
    return [
        fires("ReadFailing", {failed: "0+0.8x30"}, "20m", Firing(HEARD, "8")),
        rests("ReadFailing", {failed: "0+0.4x30"}, "20m"),
        fires("DeadLetters", {letters: "0x50 1x20"}, "60m", Firing(HEARD, "1")),
        rests("DeadLetters", {letters: "5x70"}, "60m"),
        fires("DeadLettersMany", {letters: "0+3x30"}, "20m", Firing(SLA, "30")),
        rests("DeadLettersMany", {letters: "0+1.5x30"}, "20m"),
    ]
