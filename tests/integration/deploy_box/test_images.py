"""Images without a Docker engine: the Dockerfile's steps by hand, and what they make is run.

Each service is started from its own tree alone, as compose.yaml has it: with the settings and the
files of secrets that it gets there. Where the system lets us, its tree is mounted read-only;
everywhere it is seen that nothing in there has changed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import httpx
import pytest

from deploy.compose import handing_out
from deploy.local import keys
from tests.support import compose, dockerfile
from tests.support.desk import Desk
from tests.support.dockerfile import ROOT, Builder, Built
from tests.support.waiting import until

SERVICES = ("intake", "sla", "notifier", "messaging")
EVERYTHING = (*SERVICES, "auditor", "compose")
UV = ROOT / ".uv" / "bin" / "uv"
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
"""Before a command: its tree can't be written to, by nobody."""

pytestmark = pytest.mark.skipif(
    not UV.exists(), reason="uv is set up by make, which did not start this test"
)


def _tools() -> dict[str, str]:
    """What stands for the images below: this Python, this uv, and nothing compiled beforehand."""
    kept = ("HOME", "SSL_CERT_FILE", "UV_SYSTEM_CERTS", "UV_CACHE_DIR", "UV_INDEX_URL")
    return {key: os.environ[key] for key in kept if key in os.environ} | {
        "PATH": f"{UV.parent}:{Path(sys.executable).parent}:{os.defpath}",
        "UV_PYTHON": os.path.realpath(sys.executable),
        "UV_COMPILE_BYTECODE": "0",
        "UV_SYSTEM_CERTS": "1",
    }


@dataclass
class Images:
    """Builds each image once."""

    folder: Path
    built: dict[str, Built] = field(default_factory=dict)

    def of(self, part: str) -> Built:
        """What came of the last stage."""
        if part not in self.built:
            read = dockerfile.read(dockerfile.DOCKERFILE.read_text(encoding="utf-8"))
            builder = Builder(read, {"SERVICE": part}, self.folder / part, _tools())
            self.built[part] = builder.last()
        return self.built[part]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """The images, each made when it is first asked for."""
    return Images(tmp_path_factory.mktemp("images"))


@dataclass
class Containers:
    """Processes of images, ended with the test."""

    images: Images
    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def command(self, part: str, *words: str) -> list[str]:
        """What the image would run, by the Python of its own environment."""
        built = self.images.of(part)
        python = built.folder / ".venv" / "bin" / "python"
        return [*_confined(built.root), str(python), "-m", *words]

    def start(self, part: str, environ: dict[str, str]) -> None:
        """Start it as its user, in its folder."""
        built = self.images.of(part)
        module = {"auditor": "deploy.auditor"}.get(part, f"services.{part}")
        told = {key: value for key, value in built.environ.items() if key != "PATH"} | environ
        with (self.folder / f"{part}.log").open("ab") as log:
            self.running[part] = subprocess.Popen(  # noqa: S603 - our own services
                self.command(part, module),
                cwd=built.folder,
                env={"PATH": os.defpath} | told,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def said(self, part: str) -> str:
        """Its output."""
        return (self.folder / f"{part}.log").read_text(encoding="utf-8")[-3000:]

    def health(self, part: str, question: str, environ: dict[str, str]) -> int:
        """The exit status of the question that the image's health check asks."""
        asked = subprocess.run(  # noqa: S603 - our own module
            self.command(part, "shared.health", question),
            cwd=self.images.of(part).folder,
            env={"PATH": os.defpath} | environ,
            check=False,
            capture_output=True,
        )
        return asked.returncode

    def is_ready(self, part: str, environ: dict[str, str]) -> bool:
        """Whether it says so."""
        assert self.running[part].poll() is None, self.said(part)
        return self.health(part, "ready", environ) == 0


def _confined(root: Path) -> list[str]:
    """What makes a tree read-only for the command that follows; nothing where it can't be."""
    confined = ["unshare", "--mount", "sh", "-c", READ_ONLY, str(root)]
    return confined if _can_confine() else []


@cache
def _can_confine() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        trial = ["unshare", "--mount", "sh", "-c", READ_ONLY, folder, "touch", f"{folder}/file"]
        done = subprocess.run(trial, check=False, capture_output=True)  # noqa: S603 - ours
    return b"Read-only" in done.stderr


@pytest.fixture
def containers(images: Images, tmp_path: Path) -> Iterator[Containers]:
    """Nothing runs yet."""
    made = Containers(images, tmp_path)
    yield made
    for process in made.running.values():
        process.terminate()
    ended = {part: process.wait(30) for part, process in made.running.items()}
    assert ended == dict.fromkeys(ended, 0), [made.said(part) for part in ended]


def _shares(desk: Desk) -> Path:
    """The files of secrets, as containers get them; the databases are those of the test."""
    home, shares = desk.folder / "home", desk.folder / "shares"
    home.mkdir()
    for name in handing_out.OWNERS:
        (shares / name).mkdir(parents=True)
    handing_out.hand_out(home, shares)
    for service in handing_out.SERVICES:
        for file in (shares / service / "database", shares / "auditor" / service):
            file.unlink()
            file.write_text(desk.dsn(service), encoding="utf-8")
            file.chmod(0o444)
    return shares


def _environ(desk: Desk, part: str, shares: Path) -> dict[str, str]:
    """What compose.yaml tells it, but for where things are."""
    told = compose.environment(part)
    moved = {
        name: value.replace("/run/careline", str(shares / part)) for name, value in told.items()
    }
    here = {
        "CARELINE_KAFKA": desk.stack.bootstrap_servers,
        "CARELINE_NAMESPACE": desk.namespace,
        "CARELINE_HTTP_PORT": str(_port(desk, part)),
        "CARELINE_PARTITIONS": "2",
        "CARELINE_AUDIT_LOOK_BACK": "1",
    }
    mail = {"CARELINE_SMTP_HOST": "127.0.0.1", "CARELINE_SMTP_PORT": str(desk.mailbox.port)}
    mail_in = {"CARELINE_SMTP_IN_PORT": str(desk.ports.smtp_in)}
    return moved | here | {"notifier": mail, "intake": mail_in}.get(part, {})


def _port(desk: Desk, part: str) -> int:
    # The auditor has the place of the sign-in, which doesn't run here.
    return int(getattr(desk.ports, {"auditor": "sign_in"}.get(part, part)))


@pytest.mark.timeout(300)
async def test_the_images_of_compose_are_a_desk(desk: Desk, containers: Containers) -> None:
    """All five get ready from their own trees, acknowledge a ticket, and have written nothing."""
    shares = _shares(desk)
    parts = (*SERVICES, "auditor")
    before = {part: dockerfile.snapshot(containers.images.of(part).root) for part in parts}
    environs = {part: _environ(desk, part, shares) for part in parts}
    for part in parts:
        containers.start(part, environs[part])
    for part in parts:
        await until(
            partial(containers.is_ready, part, environs[part]),
            within=120,
            what=f"{part} is ready",
        )
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{desk.url('intake')}/v1/tickets",
            json={
                "requester": {"address": "customer@customer.example"},
                "subject": "Where is the box?",
                "text": "It was to come today.",
            },
        )
    assert answer.status_code == httpx.codes.ACCEPTED
    await until(
        lambda: desk.mailbox.to("customer@customer.example"), within=60, what="it is acknowledged"
    )
    assert {part: dockerfile.snapshot(containers.images.of(part).root) for part in parts} == before


@pytest.mark.parametrize("part", EVERYTHING)
def test_an_image_has_its_own_part_alone(part: str, containers: Containers) -> None:
    """From its tree no other service can be imported, and health says so while nobody answers."""
    for other in SERVICES:
        found = subprocess.run(  # noqa: S603 - our own modules
            [*containers.command(part)[:-1], "-c", f"import services.{other}"],
            cwd=containers.images.of(part).folder,
            env={"PATH": os.defpath},
            check=False,
            capture_output=True,
        )
        assert (found.returncode == 0) is (other == part)
    assert containers.health(part, "live", {"CARELINE_HTTP_PORT": "9"}) == 1


def test_the_image_of_compose_tells_people_what_they_need(
    containers: Containers, tmp_path: Path
) -> None:
    """From its tree secrets are made, and a token that the desk's services take."""
    home, shares = tmp_path / "home", tmp_path / "shares"
    home.mkdir()
    for name in handing_out.OWNERS:
        (shares / name).mkdir(parents=True)

    def run(*words: str) -> str:
        return subprocess.run(  # noqa: S603 - our own module
            containers.command("compose", "deploy.compose", "--home", str(home), *words),
            cwd=containers.images.of("compose").folder,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    run("secrets", "--shares", str(shares))
    assert run("token", "--role", "agent").count(".") == 2
    assert run("password").strip() == keys.load(home).passwords["grafana"]
    assert (shares / "grafana" / "password").read_text() == keys.load(home).passwords["grafana"]
