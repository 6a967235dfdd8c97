"""A Prometheus of one's own on this machine: the system's program, with our rules, on loopback."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local import ports, readiness
from deploy.local.errors import DeskError
from deploy.local.processes import ROOT
from deploy.local.supervisor import Part

PROGRAM = "prometheus"
RULES = ROOT / "deploy" / "prometheus" / "rules"
READY_SECONDS = 30
ABSENT = (
    "There is no `prometheus` on the path. On Debian and Ubuntu: apt install prometheus "
    "(and, to keep it from starting by itself: systemctl disable --now prometheus); elsewhere: "
    "https://prometheus.io/download."
)


@dataclass(frozen=True)
class Scraping:
    """What a Prometheus is to look at.

    Attributes:
        targets: By job (the service's name), where its instances answer: `host:port`.
        rules: Files of rules.
        every: Seconds between two looks, and between two evaluations of a rule.
    """

    targets: Mapping[str, Sequence[str]]
    rules: Sequence[Path] = ()
    every: float = 15


@dataclass(frozen=True)
class Server:
    """A Prometheus: the folder that holds all it writes, and its port."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{ports.HOST}:{self.port}"

    @property
    def config(self) -> Path:
        """The file that says what it looks at."""
        return self.folder / "prometheus.yml"


def program(name: str = PROGRAM) -> str:
    """Find the system's program.

    Raises:
        DeskError: There is none.
    """
    found = shutil.which(name)
    if found is None:
        raise DeskError(ABSENT)
    return found


def our_rules() -> list[Path]:
    """The rules that Careline brings along."""
    return sorted(RULES.glob("*.yml"))


def prepare(server: Server, scraping: Scraping) -> None:
    """Write down what it is to look at."""
    server.folder.mkdir(parents=True, exist_ok=True)
    server.config.write_text(configuration(scraping), encoding="utf-8")


def configuration(scraping: Scraping) -> str:
    """Say it as Prometheus reads it: as YAML, of which JSON is a part."""
    pause = f"{round(scraping.every * 1000)}ms"
    jobs = [
        {"job_name": job, "static_configs": [{"targets": list(addresses)}]}
        for job, addresses in scraping.targets.items()
    ]
    whole = {
        "global": {
            "scrape_interval": pause,
            "scrape_timeout": pause,
            "evaluation_interval": pause,
        },
        "rule_files": [str(path) for path in scraping.rules],
        "scrape_configs": jobs,
    }
    return json.dumps(whole, indent=1) + "\n"


def part(server: Server, found: str) -> Part:
    """Describe its process to a supervisor; `found` is the program."""
    command = [
        found,
        f"--config.file={server.config}",
        f"--storage.tsdb.path={server.folder / 'data'}",
        f"--web.listen-address={ports.HOST}:{server.port}",
    ]
    return Part(name=PROGRAM, command=command, environ={"LC_ALL": "C.UTF-8"}, cwd=server.folder)


async def wait_until_ready(server: Server) -> None:
    """Wait until it answers.

    Raises:
        DeskError: It did not within the time.
    """
    # Proxies of the environment are for the world outside.
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:

        async def is_ready() -> bool:
            try:
                answer = await client.get(f"{server.url}/-/ready")
            except httpx.TransportError:
                return False
            return answer.status_code == httpx.codes.OK

        failure = f"prometheus did not get ready within {READY_SECONDS} s: see {server.folder}/log"
        await readiness.wait_until(is_ready, READY_SECONDS, failure)
