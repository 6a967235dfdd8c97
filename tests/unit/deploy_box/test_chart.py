"""The chart: what it renders is what Kubernetes and its operators take, and what it should be."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.helm import __main__ as making
from deploy.helm import names
from deploy.helm.schema import SETTINGS
from shared import metrics
from tests.support import helm, kubernetes
from tests.support.helm import CHART, Object, RefusedError, changed, render, values

FILES = ("minimal", "production", "everything-off")
SERVICES = ("intake", "sla", "notifier", "messaging")

pytestmark = pytest.mark.skipif(not helm.is_there(), reason=helm.WHY_NOT)


def pods(objects: list[Object]) -> list[Object]:
    """The specs of all pods that are started, with the names of what starts them."""
    kinds = ("Deployment", "Job")
    return [each["spec"]["template"]["spec"] for each in objects if each["kind"] in kinds]


def environ(deployment: Object) -> dict[str, str]:
    """What the container of a Deployment is told."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in container["env"]}


@pytest.mark.parametrize("name", FILES)
def test_kubernetes_takes_all_of_it(name: str) -> None:
    """Each object fits the published schema of its kind, and Helm's own lint is content."""
    rendered = render(values(name))
    assert rendered.lint == []
    assert [(each["metadata"]["name"], kubernetes.problems(each)) for each in rendered.objects] == [
        (each["metadata"]["name"], []) for each in rendered.objects
    ]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("services.sla.replica", 2, "replica"),
        ("services.sla.replicas", 0, "minimum"),
        ("services.sla.settings.CARELINE_PRODUCER_MARGINS", 1, "CARELINE_PRODUCER_MARGINS"),
        ("services.sla.settings.CARELINE_DATABASE", "postgresql://x", "CARELINE_DATABASE"),
        ("services.intake.secrets.keys", ["CARELINE_DATABASE"], "keys"),
        ("services.notifier.resources.limits.memori", "1Gi", "memori"),
        ("image.tag", "latest", "tag"),
        ("files", {"plan.toml": "x"}, "plan.toml"),
        ("publicAddresses.messaging", "https://support.example/", "pattern"),
        ("kafka.security.protocol", "TLS", "protocol"),
        ("kafka.brokers", "", "kafka.brokers is required"),
        ("services.sla.secrets.existingSecret", "", "existingSecret of sla is required"),
    ],
)
def test_values_that_are_wrong_are_refused(path: str, value: object, said: str) -> None:
    """A misspelt value, a setting that is none, a secret in the open: Helm names it and stops."""
    with pytest.raises(RefusedError, match=said.replace(".", r"\.")):
        render(changed(values("minimal"), path, value))


def test_a_login_without_its_secret_is_refused() -> None:
    """Brokers that want a login, and no Secret with it: that is said."""
    given = changed(values("minimal"), "kafka.security.protocol", "SASL_SSL")
    with pytest.raises(RefusedError, match=r"kafka\.security\.existingSecret is required"):
        render(given)


@pytest.mark.parametrize(
    ("template", "right", "wrong"),
    [
        ("_helpers.tpl", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: yes please"),
        ("_helpers.tpl", "livenessProbe:", "livelinessProbe:"),
        ("autoscaling.yaml", "minReplicaCount:", "minReplicas:"),
        ("monitoring.yaml", "jobLabel: app", "jobLabels: app"),
        ("poddisruptionbudgets.yaml", "policy/v1", "policy/v1beta1"),
        ("deployments.yaml", "{{- end }}", ""),
    ],
)
def test_a_mistake_in_a_template_is_found(
    template: str, right: str, wrong: str, tmp_path: Path
) -> None:
    """A field that nobody knows, a wrong type, a version that is gone, a loop without its end."""
    chart = tmp_path / "careline"
    shutil.copytree(CHART, chart)
    file = chart / "templates" / template
    text = file.read_text(encoding="utf-8")
    assert right in text
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    try:
        found = [kubernetes.problems(each) for each in render(values("production"), chart).objects]
    except RefusedError as refused:
        found = [[str(refused)]]
    assert any(found)


@pytest.mark.parametrize("name", FILES)
def test_no_container_has_a_right_too_many(name: str) -> None:
    """Not root, nothing to write to, no capability, a limit of memory, no token of the cluster."""
    for pod in pods(render(values(name)).objects):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert not pod.get("hostNetwork")
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            assert not container["image"].endswith(":latest")


def test_everything_off_is_four_deployments() -> None:
    """Without what is optional the four services are left, each once."""
    objects = render(values("everything-off")).objects
    assert [each["kind"] for each in objects] == ["Deployment"] * 4
    assert {each["metadata"]["name"] for each in objects} == {f"careline-{e}" for e in SERVICES}


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_one_that_is_read(name: str) -> None:
    """No service is told what it doesn't know, and each is told what it can't do without."""
    for deployment in render(values(name)).of("Deployment"):
        service = deployment["metadata"]["labels"]["app.kubernetes.io/component"]
        told, kind = set(environ(deployment)), SETTINGS[service]
        common = set(values(name).get("settings", {}))
        assert told - common <= names.read(kind), service
        given = {each.removesuffix(names.FROM_FILE) for each in told} | told
        assert set(names.required(kind)) <= given


@pytest.mark.parametrize("name", FILES)
def test_probes_ask_the_right_question(name: str) -> None:
    """Kafka and Postgres count for readiness alone: a pod started anew brings neither back."""
    for deployment in render(values(name)).of("Deployment"):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        paths = {
            kind: container[f"{kind}Probe"]["httpGet"]["path"]
            for kind in ("startup", "liveness", "readiness")
        }
        assert paths == {
            "startup": "/health/live",
            "liveness": "/health/live",
            "readiness": "/health/ready",
        }


def test_a_node_can_be_drained_with_one_replica() -> None:
    """A budget lets one pod go, however few there are."""
    given = changed(values("minimal"), "services.sla.replicas", 1)
    budgets = render(given).of("PodDisruptionBudget")
    assert len(budgets) == 4
    for budget in budgets:
        assert budget["spec"]["maxUnavailable"] == 1
        assert "minAvailable" not in budget["spec"]


def test_scaling_never_ends_at_nobody() -> None:
    """By lag there is one replica at the least, and enough of them when lag can't be seen."""
    rendered = render(values("production"))
    scaled = rendered.of("ScaledObject")
    assert len(scaled) == 3
    for each in scaled:
        spec = each["spec"]
        assert spec["minReplicaCount"] >= 1
        assert spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]
        behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        assert behaviour["scaleDown"]["stabilizationWindowSeconds"] >= 300
        assert behaviour["scaleDown"]["policies"] == [
            {"type": "Pods", "value": 1, "periodSeconds": 300}
        ]
        target = rendered.one("Deployment", spec["scaleTargetRef"]["name"].split("-")[1])
        assert "replicas" not in target["spec"]


def test_timers_scale_by_how_late_they_are() -> None:
    """The sla service has a trigger by the age of its oldest timer, by the catalogue's metric."""
    (trigger,) = [
        each["metadata"]
        for each in render(values("production")).one("ScaledObject", "sla")["spec"]["triggers"]
        if each["type"] == "prometheus"
    ]
    name = trigger["query"].removeprefix("max(").partition("{")[0]
    assert name in {each.name for each in metrics.CATALOGUE.values() if "sla" in each.services}


def test_nobody_is_let_through_who_is_not_named() -> None:
    """One policy takes every pod and lets nothing through but names; others name what they let."""
    policies = {
        each["metadata"]["name"].removeprefix("careline-"): each["spec"]
        for each in render(values("production")).of("NetworkPolicy")
    }
    default = policies.pop("default")
    assert set(default["policyTypes"]) == {"Ingress", "Egress"}
    assert "matchExpressions" not in default["podSelector"]
    assert "app.kubernetes.io/component" not in default["podSelector"]["matchLabels"]
    assert {port["port"] for rule in default["egress"] for port in rule["ports"]} == {53}
    assert "ingress" not in default
    rules = [
        rule
        for spec in policies.values()
        for way in ("ingress", "egress")
        for rule in spec.get(way, [])
    ]
    assert all(rule["ports"] for rule in rules)


def test_migrations_come_first_and_know_the_database_alone() -> None:
    """A Job for each database runs before the rest, by the entry that the images have."""
    jobs = render(values("production")).of("Job")
    assert {job["metadata"]["name"] for job in jobs} == {
        f"careline-{service}-migrate" for service in ("sla", "notifier", "messaging")
    }
    for job in jobs:
        hooks = job["metadata"]["annotations"]["helm.sh/hook"]
        assert hooks == "pre-install,pre-upgrade"
        (container,) = job["spec"]["template"]["spec"]["containers"]
        module, service = container["args"]
        assert (CHART.parents[2] / f"{module.replace('.', '/')}.py").exists()
        told = {each["name"] for each in container["env"]}
        assert "CARELINE_DATABASE_FILE" in told
        assert told <= names.read(SETTINGS[service])


def test_no_secret_is_rendered() -> None:
    """Secrets are named, mounted by their keys, and never made."""
    rendered = render(values("production"))
    assert not rendered.of("Secret")
    for deployment in rendered.of("Deployment"):
        secret = {name for kind in SETTINGS.values() for name in names.secret(kind)}
        assert not secret & set(environ(deployment))


def test_a_scrape_has_the_name_of_the_service_for_its_job() -> None:
    """Rules and dashboards know services by their job: it is the label that their Services have."""
    rendered = render(values("production"))
    (monitor,) = rendered.of("ServiceMonitor")
    label = monitor["spec"]["jobLabel"]
    labelled = {each["metadata"]["labels"][label] for each in rendered.of("Service")}
    assert set(SETTINGS) <= labelled


def test_rules_are_those_of_the_project() -> None:
    """Every group of deploy/prometheus/rules is in a PrometheusRule, word for word."""
    rendered: list[dict[str, Any]] = [
        group for rule in render(values("production")).of("PrometheusRule")
        for group in rule["spec"]["groups"]
    ]  # fmt: skip
    written = [
        group
        for path in sorted(making.RULES.glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    ]
    assert written
    assert sorted(rendered, key=str) == sorted(written, key=str)


def test_notes_say_what_comes_next() -> None:
    """Whoever installs it reads which Secrets there must be, and how to see that it is ready."""
    notes = render(values("minimal")).notes
    if not notes:
        pytest.skip("the program shows notes after an installation alone")
    assert "careline-sla: CARELINE_DATABASE" in notes
    assert "shared.health ready" in notes
