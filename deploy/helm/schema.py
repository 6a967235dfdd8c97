"""What the chart's values may be: `values.schema.json`, strict, with the settings by their names.

Helm refuses by it what is misspelt before anything reaches a cluster.
"""

from collections.abc import Mapping
from typing import Any

from pydantic_settings import BaseSettings

from deploy.auditor.settings import AuditorSettings
from deploy.helm.names import plain, secret
from services.intake.settings import IntakeSettings
from services.messaging.settings import MessagingSettings
from services.notifier.settings import NotifierSettings
from services.sla.settings import SlaSettings

Schema = dict[str, Any]

SETTINGS: Mapping[str, type[BaseSettings]] = {
    "intake": IntakeSettings,
    "sla": SlaSettings,
    "notifier": NotifierSettings,
    "messaging": MessagingSettings,
    "auditor": AuditorSettings,
}
"""By what runs."""

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
SOME: Schema = {"type": "integer", "minimum": 1}
TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}
ADDRESS: Schema = {"type": "string", "pattern": r"^(https?://\S*[^/\s])?$"}
NAME: Schema = {"type": "string", "pattern": r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$"}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
LISTED: Schema = {"type": "array", "items": {"type": "object"}}


def schema() -> Schema:
    """All of it."""
    return {"$schema": "http://json-schema.org/draft-07/schema#"} | _strict(
        nameOverride=NAME,
        fullnameOverride=NAME,
        image=_image(),
        settings=_settings(_common()),
        files=_strict(**{name: {"type": "string", "minLength": 1} for name in _FILES}),
        kafka=_kafka(),
        publicAddresses=_strict(intake=ADDRESS, messaging=ADDRESS, notifier=ADDRESS),
        services=_services(),
        auditor=_strict(enabled=FLAG, **_workload("auditor")),
        autoscaling=_scaling(),
        migrations=_strict(
            enabled=FLAG, backoffLimit=WHOLE, deadlineSeconds=SOME, resources=_resources()
        ),
        topologySpread=_strict(
            enabled=FLAG, whenUnsatisfiable={"enum": ["ScheduleAnyway", "DoNotSchedule"]}
        ),
        podSecurity=_strict(runAsUser=SOME, runAsGroup=SOME),
        serviceAccount=_strict(create=FLAG, annotations=TEXTS),
        networkPolicy=_network(),
        ingress=_ingress(),
        monitoring=_monitoring(),
        **{"global": {"type": "object"}},
    )


_FILES = ("plans.toml", "destinations.toml", "articles.toml", "jwks.json")


def _strict(**properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _image() -> Schema:
    return _strict(
        registry=TEXT,
        repository={"type": "string", "minLength": 1},
        tag={"type": "string", "not": {"const": "latest"}},
        pullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
        pullSecrets={"type": "array", "items": NAME},
    )


def _kafka() -> Schema:
    security = _strict(
        protocol={"enum": ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]},
        mechanism={"enum": ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]},
        existingSecret=NAME,
        authorities=FLAG,
        certificate=FLAG,
    )
    return _strict(
        brokers=TEXT,
        namespace={"type": "string", "pattern": "^[a-z0-9][a-z0-9.-]*$"},
        partitions={"type": "integer", "minimum": 1, "maximum": 1000},
        replication={"type": "integer", "minimum": 1, "maximum": 9},
        security=security,
    )


def _services() -> Schema:
    smtp = _strict(
        enabled=FLAG,
        port={"type": "integer", "minimum": 1024, "maximum": 65535},
        service=_strict(
            type={"enum": ["ClusterIP", "NodePort", "LoadBalancer"]}, port=PORT, annotations=TEXTS
        ),
    )
    by_lag = {"lagThreshold": SOME}
    seconds: Schema = {"type": "number", "exclusiveMinimum": 0}
    return _strict(
        intake=_service("intake", {"cpuUtilization": {**SOME, "maximum": 100}}, smtp=smtp),
        sla=_service("sla", by_lag | {"overdueSeconds": seconds}),
        notifier=_service("notifier", by_lag),
        messaging=_service("messaging", by_lag),
    )


def _service(name: str, scaling: Mapping[str, Schema], **more: Schema) -> Schema:
    # At least one replica: whoever has none keeps no promise.
    autoscaling = _strict(enabled=FLAG, minReplicas=SOME, maxReplicas=SOME, **scaling)
    budget = _strict(enabled=FLAG)
    return _strict(
        replicas=SOME,
        autoscaling=autoscaling,
        podDisruptionBudget=budget,
        **_workload(name),
        **more,
    )


def _workload(name: str) -> dict[str, Schema]:
    """What holds for everything that runs."""
    return {
        "settings": _settings(plain(SETTINGS[name])),
        "secrets": _strict(
            existingSecret=NAME,
            keys={"type": "array", "uniqueItems": True, "items": {"enum": secret(SETTINGS[name])}},
        ),
        "resources": _resources(),
        "service": _strict(enabled=FLAG, annotations=TEXTS),
        "podAnnotations": TEXTS,
        "nodeSelector": TEXTS,
        "tolerations": LISTED,
        "priorityClassName": NAME,
    }


def _settings(names: list[str]) -> Schema:
    """Nothing else, and no secret: those would stand in what Helm keeps of a release."""
    return _strict(**{name: {"type": ["string", "number", "boolean"]} for name in names})


def _common() -> list[str]:
    """What any service reads: the others pass over what isn't theirs."""
    return sorted(set[str]().union(*(plain(kind) for kind in SETTINGS.values())))


def _resources() -> Schema:
    amount: Schema = {"type": ["string", "number"]}
    amounts = _strict(cpu=amount, memory=amount, **{"ephemeral-storage": amount})
    return _strict(requests=amounts, limits={**amounts, "required": ["memory"]})


def _scaling() -> Schema:
    return _strict(
        prometheus=ADDRESS,
        pollingInterval=SOME,
        fallback=_strict(failureThreshold=SOME, replicas=SOME),
        scaleDown=_strict(stabilizationSeconds={**WHOLE, "maximum": 3600}, everySeconds=SOME),
    )


def _network() -> Schema:
    way = _strict(ports={"type": "array", "items": PORT}, to=LISTED)
    ways = dict.fromkeys(("kafka", "postgres", "mail", "web", "imap", "collector"), way)
    return _strict(enabled=FLAG, clients=LISTED, monitoring=LISTED, **ways)


def _ingress() -> Schema:
    host: Schema = {"type": "string", "minLength": 1}
    return _strict(
        enabled=FLAG,
        className=NAME,
        annotations=TEXTS,
        hosts=_strict(intake=host, sla=host, notifier=host, messaging=host),
        tlsSecret=NAME,
    )


def _monitoring() -> Schema:
    interval: Schema = {"type": "string", "pattern": "^[0-9]+(s|m)$"}
    return _strict(
        serviceMonitor=_strict(enabled=FLAG, interval=interval, labels=TEXTS),
        prometheusRule=_strict(enabled=FLAG, labels=TEXTS),
    )
