"""Cases of processes, their files and their databases."""

from deploy.prometheus.cases.case import Case, Firing, fires, rests

ONE = 'job="sla",instance="sla-1"'
TWO = 'job="sla",instance="sla-2"'
SLA = {"job": "sla"}
FIRST = {"job": "sla", "instance": "sla-1"}
_THERE = {f'careline_ready{{job="{job}"}}': "1x20" for job in ("intake", "notifier", "messaging")}


def cases() -> list[Case]:
    """All of them."""
    return [*_watchdog(), *_down(), *_ready(), *_workers(), *_databases(), *_files()]


def _watchdog() -> list[Case]:
    return [
        fires("Watchdog", {}, "1m"),
        # It never rests, but nothing else goes by its name.
        rests("WatchdogThatIsNone", {}, "1m"),
    ]


def _down() -> list[Case]:
    up = f"up{{{ONE}}}", f"up{{{TWO}}}"
    return [
        fires("ServiceDown", {up[0]: "0x9", up[1]: "0x9"}, "2m", Firing(SLA)),
        rests("ServiceDown", {up[0]: "0x9", up[1]: "1x9"}, "9m"),
        rests("ServiceDown", {'up{job="auditor",instance="a"}': "0x9"}, "9m"),
        fires("TargetDown", {up[0]: "0x9", up[1]: "1x9"}, "5m", Firing(FIRST)),
        rests("TargetDown", {up[0]: "0x9", up[1]: "1x9"}, "4m"),
        rests("TargetDown", {up[0]: "1x9", 'up{job="another"}': "0x9"}, "9m"),
        fires("MetricsAbsent", _THERE, "5m", Firing(SLA)),
        rests("MetricsAbsent", {**_THERE, f"careline_ready{{{ONE}}}": "0x20"}, "9m"),
    ]


def _ready() -> list[Case]:
    ready, rebuilding = f"careline_ready{{{ONE}}}", f"careline_rebuilding{{{ONE}}}"
    other, lost = f"careline_ready{{{TWO}}}", f"careline_restore_lost_offsets{{{ONE}}}"
    return [
        fires("NotReady", {ready: "0x9", other: "0x9", rebuilding: "0x9"}, "2m", Firing(SLA)),
        rests("NotReady", {ready: "0x9", other: "1x9"}, "9m"),
        rests("NotReady", {ready: "0x9", rebuilding: "1x9"}, "9m"),
        fires("ReplicaNotReady", {ready: "0x20", other: "1x20"}, "15m", Firing(FIRST)),
        rests("ReplicaNotReady", {ready: "0x14 1 0x20", other: "1x35"}, "29m"),
        fires("RebuildRunningLong", {rebuilding: "1x40"}, "30m", Firing(SLA)),
        rests("RebuildRunningLong", {rebuilding: "1x25 0x20"}, "40m"),
        fires("RestoreIncomplete", {lost: "12x9"}, "2m", Firing(SLA, "12")),
        rests("RestoreIncomplete", {lost: "0x9"}, "2m"),
    ]


def _workers() -> list[Case]:
    relay = f'careline_worker_failures_total{{{ONE},worker="relay"}}'
    keys = f'careline_worker_failures_total{{{ONE},worker="keys"}}'
    of_relay = Firing({"job": "sla", "worker": "relay"}, "15")
    ring, reads = (f'careline_part_ready{{{ONE},part="{part}"}}' for part in ("keyring", "keys"))
    return [
        fires("WorkerFailing", {relay: "0+1.5x30"}, "25m", of_relay),
        rests("WorkerFailing", {relay: "0+0.8x30", keys: "0+9x30"}, "25m"),
        fires("KeysFailing", {keys: "0+0.8x30"}, "25m", Firing(SLA)),
        rests("KeysFailing", {keys: "0+0.4x30", relay: "0+9x30"}, "25m"),
        fires("KeysFailing", {ring: "0x9", reads: "1x9"}, "2m", Firing(SLA)),
        rests("KeysFailing", {ring: "0x9", reads: "0x9"}, "9m"),
        rests("KeysFailing", {ring: "1x9", reads: "1x9"}, "9m"),
    ]


def _databases() -> list[Case]:
    retries = f"careline_batch_retries_total{{{ONE}}}"
    timeouts = f"db_client_connection_timeouts_total{{{ONE}}}"
    most = f"db_client_connection_max{{{ONE}}}"
    used = f'db_client_connections{{{ONE},db_client_connection_state="used"}}'
    idle = f'db_client_connections{{{ONE},db_client_connection_state="idle"}}'
    return [
        fires("BatchesFailing", {retries: "0+1.6x20"}, "15m", Firing(SLA, "8")),
        rests("BatchesFailing", {retries: "0+0.8x20"}, "15m"),
        fires("DatabasePoolExhausted", {timeouts: "0x10 1x10"}, "15m", Firing(SLA, "1")),
        rests("DatabasePoolExhausted", {timeouts: "3x20"}, "15m"),
        fires("DatabasePoolBusy", {most: "20x30", used: "19x30"}, "20m", Firing(FIRST, "95%")),
        rests("DatabasePoolBusy", {most: "20x30", used: "17x30", idle: "20x30"}, "20m"),
    ]


def _files() -> list[Case]:
    plans = f"careline_catalogue_refused{{{ONE}}}"
    articles = 'notifier_articles_refused{job="notifier"}'
    folder = 'thread_articles_refused{job="messaging"}'
    unknown = 'notifier_unknown_destinations{job="notifier"}'
    old, new = 'careline_build_info{version="1.0.0"}', 'careline_build_info{version="1.1.0"}'
    both = (Firing({"job": "notifier"}), Firing({"job": "messaging"}))
    return [
        fires("CatalogueRefused", {plans: "1x9"}, "3m", Firing(SLA)),
        rests("CatalogueRefused", {plans: "0x9"}, "3m"),
        fires("ArticlesRefused", {articles: "1x9", folder: "1x9"}, "6m", *both),
        rests("ArticlesRefused", {articles: "0x9", folder: "0x9"}, "6m"),
        fires("UnknownDestination", {unknown: "2x9"}, "6m", Firing(value="2")),
        rests("UnknownDestination", {unknown: "0x9"}, "6m"),
        fires("VersionsDiffer", {old: "1x130", new: "1x130"}, "2h", Firing(value="2")),
        rests("VersionsDiffer", {old: "1x130"}, "2h"),
    ]
