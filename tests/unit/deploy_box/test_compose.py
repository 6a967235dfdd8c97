"""compose.yaml: what Docker would take, pinned, confined, and told nothing that nobody reads."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from deploy.compose import handing_out
from deploy.helm import names
from deploy.helm.schema import SETTINGS
from deploy.local import keys
from tests.support import compose
from tests.support.kubernetes import FOLDER

READ = compose.read()
SERVICES: dict[str, dict[str, Any]] = READ["services"]
OURS = {name: each for name, each in SERVICES.items() if "build" in each}
DEPLOY = compose.FILE.parent


def problems(content: dict[str, Any]) -> list[str]:
    """What the published schema has against it."""
    schema = json.loads((FOLDER / "compose-spec.json").read_text(encoding="utf-8"))
    return [error.message for error in Draft7Validator(schema).iter_errors(content)]


def _engines_compose() -> list[str] | None:
    """Docker's own Compose, where it is installed; an engine is not needed to read a file."""
    if program := shutil.which("docker-compose"):
        return [program]
    docker = shutil.which("docker")
    known = docker and subprocess.run(  # noqa: S603 - Docker itself
        [docker, "compose", "version"], check=False, capture_output=True
    )
    return [docker, "compose"] if docker and known and known.returncode == 0 else None


def test_it_fits_the_published_schema() -> None:
    """It is what the Compose specification says a file may be."""
    assert problems(READ) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("services", "sla", "enviroment"), {}),
        (("services", "sla", "ports"), {"8102": 8080}),
        (("services", "kafka", "depends_on"), {"secrets": {"condition": "soon"}}),
        (("volume",), {}),
    ],
)
def test_a_mistake_in_it_is_found(path: tuple[str, ...], value: object) -> None:
    """What is misspelt or of the wrong kind does not fit."""
    changed = yaml.safe_load(yaml.safe_dump(READ))
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert problems(changed)


def test_docker_compose_reads_it() -> None:
    """Docker's own program finds nothing wrong with it, and the same services in it."""
    program = _engines_compose()
    if program is None:
        pytest.skip("docker compose is not installed here")
    done = subprocess.run(  # noqa: S603 - Docker itself
        [*program, "-f", str(compose.FILE), "config", "--format", "json"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["services"]) == set(SERVICES)


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_is_told_what_it_reads(service: str) -> None:
    """Every variable is a setting of the service, and none that it needs is missing."""
    told = set(compose.environment(service))
    assert told <= names.read(SETTINGS[service])
    given = {name.removesuffix(names.FROM_FILE) for name in told} | told
    assert set(names.required(SETTINGS[service])) <= given


def test_no_secret_stands_in_it() -> None:
    """Secrets come as files; the one in the open belongs to a sign-in that takes any."""
    for service, kind in SETTINGS.items():
        told = compose.environment(service)
        shown = {name: told[name] for name in names.secret(kind) if told.get(name)}
        assert shown == ({"CARELINE_OIDC_CLIENT_SECRET": "any"} if service == "messaging" else {})


def test_every_file_of_secrets_is_handed_out(tmp_path: Path) -> None:
    """What a container looks for in its share is in there, in a volume that it mounts."""
    own = keys.ensure(tmp_path, (*handing_out.SERVICES, *handing_out.OTHERS))
    handed = handing_out.contents(own)
    for service, each in SERVICES.items():
        wanted = {
            str(value).removeprefix("/run/careline/")
            for value in each.get("environment", {}).values()
            if str(value).startswith("/run/careline/")
        }
        if wanted:
            assert wanted <= set(handed[service])
            assert f"secrets-{service}:/run/careline:ro" in each["volumes"]


def test_images_are_pinned() -> None:
    """Each image has a tag with a version; ours have the version that the project has."""
    for each in SERVICES.values():
        _, _, tag = each["image"].rpartition(":")
        assert re.match(r"v?\d+\.\d+", tag), each["image"]
    assert {each["image"].rpartition(":")[2] for each in OURS.values()} == {"0.1.0"}


def test_what_is_mounted_is_there() -> None:
    """Every file and every volume that a container mounts exists, and every volume is used."""
    mounted = [volume for each in SERVICES.values() for volume in each.get("volumes", [])]
    sources = {volume.partition(":")[0] for volume in mounted}
    files = {source for source in sources if source.startswith(".")}
    assert [file for file in sorted(files) if not (DEPLOY / file).exists()] == []
    assert sources - files == set(READ["volumes"])


def test_ports_are_this_machines_alone() -> None:
    """No port is used twice, and none can be reached from elsewhere."""
    ports = [port for each in SERVICES.values() for port in each.get("ports", [])]
    hosts = [port.rpartition(":")[0] for port in ports]
    assert all(host.startswith("127.0.0.1:") for host in hosts)
    assert len(set(hosts)) == len(hosts)


def test_whoever_is_waited_for_is_there_and_says_how_it_is() -> None:
    """Nobody waits for the health of what has no check, nor for the end of what goes on."""
    for each in SERVICES.values():
        for name, how in each.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert SERVICES[name]["healthcheck"]["test"]
            if how["condition"] == "service_completed_successfully":
                assert "restart" not in SERVICES[name]


def test_nothing_takes_all_of_the_machine() -> None:
    """Each container has a limit of memory; ours have no right and nothing to write to."""
    for each in SERVICES.values():
        assert each["deploy"]["resources"]["limits"]["memory"]
    for each in OURS.values():
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in each["security_opt"]


def test_prometheus_scrapes_each_service_by_its_name() -> None:
    """A job is a service, at the port that it listens on; the rules are where it looks for them."""
    config = yaml.safe_load((DEPLOY / "compose/prometheus.yml").read_text(encoding="utf-8"))
    jobs = {
        job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]
    }
    assert {name: jobs[name] for name in SETTINGS} == {name: [f"{name}:8080"] for name in SETTINGS}
    folder = str(Path(config["rule_files"][0]).parent)
    assert f"./prometheus/rules:{folder}:ro" in SERVICES["prometheus"]["volumes"]


def test_grafana_looks_where_the_boards_are() -> None:
    """The folder of its provider is the one that is mounted."""
    text = (DEPLOY / "compose/grafana/dashboards.yml").read_text(encoding="utf-8")
    path = yaml.safe_load(text)["providers"][0]["options"]["path"]
    assert f"./grafana/dashboards:{path}:ro" in SERVICES["grafana"]["volumes"]
