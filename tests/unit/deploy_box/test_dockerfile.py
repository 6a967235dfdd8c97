"""The Dockerfile: one for all services, pinned, without root, without secrets, small."""

import json
import re

import pytest

from tests.support import dockerfile
from tests.support.dockerfile import DOCKERFILE, ROOT, Stage

PARTS = ("intake", "sla", "notifier", "messaging", "auditor", "compose")
TEXT = DOCKERFILE.read_text(encoding="utf-8")
READ = dockerfile.read(TEXT)
SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|KEY|DATABASE", re.IGNORECASE)


def of(part: str) -> list[Stage]:
    """The stages that are built for a part, the image itself first."""
    given = READ.arguments | {"SERVICE": part}
    wanted, found = [READ.stages[-1]], list[Stage]()
    while wanted:
        stage = wanted.pop()
        found.append(stage)
        sources = [word.removeprefix("--from=") for word in _copied_from(stage)]
        names = [dockerfile.filled(stage.base, given), *sources]
        wanted += [below for name in names if (below := READ.stage(name)) and below not in found]
    return found


def _copied_from(stage: Stage) -> list[str]:
    words = [step.rest.split()[0] for step in stage.steps if step.name == "COPY"]
    return [word for word in words if word.startswith("--from=")]


def steps(part: str, name: str) -> list[str]:
    """What an instruction says, in all stages of a part."""
    return [step.rest for stage in of(part) for step in stage.steps if step.name == name]


@pytest.mark.parametrize("part", PARTS)
def test_every_image_below_is_pinned_by_tag(part: str) -> None:
    """Each base is another stage, nothing at all, or an image with a version for its tag."""
    for stage in of(part):
        base = dockerfile.filled(stage.base, READ.arguments | {"SERVICE": part})
        if base != "scratch" and READ.stage(base) is None:
            _, _, tag = base.rpartition(":")
            assert re.match(r"\d+\.\d+", tag), base


def test_uv_is_the_one_that_the_project_is_set_up_with() -> None:
    """Images and `make` install from the lock file by the same version of uv."""
    pinned = (ROOT / "deploy/local/uv.txt").read_text(encoding="utf-8").split()[0]
    assert READ.arguments["UV_IMAGE"] == f"ghcr.io/astral-sh/uv:{pinned.removeprefix('uv==')}"


@pytest.mark.parametrize("part", PARTS)
def test_nobody_is_root(part: str) -> None:
    """What runs is a numeric user, so that Kubernetes can hold it to that, and nobody undoes it."""
    assert steps(part, "USER") == ["10001:10001"]


@pytest.mark.parametrize("part", PARTS)
def test_it_is_told_to_end_and_asked_how_it_is(part: str) -> None:
    """The process gets the signal itself, and health is asked by Python, of the process alone."""
    assert steps(part, "STOPSIGNAL") == ["SIGTERM"]
    assert json.loads(steps(part, "ENTRYPOINT")[0]) == ["python", "-m"]
    asked = steps(part, "HEALTHCHECK")[0]
    if part != "compose":
        command = json.loads(asked[asked.index("[") :])
        assert command == ["python", "-m", "shared.health", "live"]
    module = json.loads(steps(part, "CMD")[0])[0].replace(".", "/")
    assert (ROOT / module / "__main__.py").exists()


def test_it_holds_no_secret() -> None:
    """No argument and no variable of an image is one that anybody should not read."""
    for stage in READ.stages:
        for step in stage.steps:
            if step.name in ("ARG", "ENV"):
                names = re.findall(r"(\w+)=?", step.rest) if step.name == "ARG" else []
                names += re.findall(r"(\w+)=", step.rest)
                assert not [name for name in names if SECRET.search(name)], step


def test_nothing_is_fetched_but_packages_by_the_lock_file() -> None:
    """There is no ADD, no download, and uv refuses a lock file that doesn't fit."""
    assert not [step for stage in READ.stages for step in stage.steps if step.name == "ADD"]
    runs = [step.rest for stage in READ.stages for step in stage.steps if step.name == "RUN"]
    assert not [run for run in runs if re.search(r"curl|wget|https?:|apt|pip ", run)]
    assert len([run for run in runs if "uv sync --locked --only-group ${SERVICE}" in run]) == 1


@pytest.mark.parametrize("part", PARTS)
def test_a_part_gets_no_other_part(part: str) -> None:
    """What is copied of the project is `shared`, its own code, and what that reads of `deploy`."""
    sources = {
        word
        for rest in steps(part, "COPY")
        if not rest.startswith("--from=")
        for word in rest.split()[:-1]
    }
    assert all((ROOT / source).exists() for source in sources)
    code = {source for source in sources if source.startswith("services/")}
    assert code == ({f"services/{part}/"} if part in PARTS[:4] else set())
    assert "shared/" in sources
    assert not [source for source in sources if source in (".", "./", "deploy/", "services/")]


def test_the_engine_is_sent_no_data() -> None:
    """Everything is left out but what is copied: no desk's data, no tests, no history."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert let_in == {"pyproject.toml", "uv.lock", "shared", "services", "deploy"}
    assert {"**/.careline", "**/__pycache__"} <= set(rules)


def test_a_dockerfile_is_read_as_engines_read_it() -> None:
    """Lines that go on, comments in between, arguments before the first stage, names of stages."""
    text = 'ARG A=1\nFROM x:${A} AS one\nRUN a \\\n # said\n  b\nFROM one\nCMD ["c"]\n'
    found = dockerfile.read(text)
    assert found.arguments == {"A": "1"}
    assert [(stage.base, stage.name) for stage in found.stages] == [("x:${A}", "one"), ("one", "")]
    assert found.stages[0].steps[0].rest.split() == ["a", "b"]
