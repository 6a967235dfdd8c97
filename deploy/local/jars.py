"""Apache Kafka's jars: fetched once from a Maven repository, each checked against a pinned hash.

`kafka.lock` beside this file has a line per jar: its SHA-256 and its Maven coordinate. The jars lie
in the machine's Maven cache (`M2_REPO`, or ~/.m2/repository), which every clone shares. A jar
whose hash is wrong, because a download was cut or for any other reason, is fetched again.

`python -m deploy.local.jars` fetches what is missing; with `--lock` it resolves the version below
anew and writes `kafka.lock` (for upgrades).
"""

import asyncio
import fcntl
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local import processes
from deploy.local.errors import DeskError

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

KAFKA_VERSION = "4.1.0"
KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka logs through slf4j and leaves to us what is behind it: without this the broker is mute. Same
# version as the log4j-core that Kafka brings.
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"
LOCK = Path(__file__).with_name("kafka.lock")
CENTRAL = "https://repo.maven.apache.org/maven2"
VARIABLE = "CARELINE_MAVEN_REPOSITORY"
TIMEOUT_SECONDS = 20
TRIES = 3
AT_ONCE = 4  # gentle to the repository, and four times as fast as one by one


@dataclass(frozen=True)
class Jar:
    """A file of the classpath: SHA-256 in hexadecimal, and `group:artifact:version`."""

    sha256: str
    coordinate: str

    def path(self, cache: Path) -> Path:
        """Where Maven's layout puts it."""
        group, artifact, version = self.coordinate.split(":")
        return cache / Path(*group.split("."), artifact, version, f"{artifact}-{version}.jar")


def locked() -> list[Jar]:
    """Read the pinned jars, in the order of the classpath."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return [Jar(*line.split()) for line in lines if line and not line.startswith("#")]


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Name the Maven cache of this machine."""
    return Path(environ.get("M2_REPO") or Path.home() / ".m2" / "repository")


async def ensure(announce: Callable[[str], None], environ: Mapping[str, str]) -> list[Path]:
    """Give the classpath, fetching first what is missing.

    Raises:
        DeskError: The fetch failed; the message says what, from where, and what to try.
    """
    cache = cache_folder(environ)
    jars = locked()
    if await asyncio.to_thread(missing, jars, cache):
        # In a process of its own: a Ctrl-C ends it at once, and the patched TLS stays in there.
        command = [sys.executable, "-m", "deploy.local.jars"]
        finished = await processes.run_to_end(command, environ, on_line=announce)
        if finished.code:
            raise DeskError(finished.errors)
    return [jar.path(cache) for jar in jars]


def missing(jars: Iterable[Jar], cache: Path) -> list[Jar]:
    """List the jars that are not there, or are not what they should be."""
    return [jar for jar in jars if digest(jar.path(cache)) != jar.sha256]


def digest(path: Path) -> str | None:
    """Compute a file's SHA-256, None when there is no such file."""
    if not path.is_file():
        return None
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def fetch(announce: Callable[[str], None], environ: Mapping[str, str]) -> None:
    """Fetch the missing jars, several at once. What was fetched stays, whatever comes after it.

    Raises:
        DeskError: See `ensure`.
    """
    cache = cache_folder(environ)
    repository = environ.get(VARIABLE) or CENTRAL
    with _alone(cache):
        wanted = missing(locked(), cache)
        if not wanted:
            return
        announce(f"fetching Apache Kafka {KAFKA_VERSION}, once, into {cache}: {len(wanted)} files")
        context = _context(cache, repository)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            fetching = [pool.submit(_fetch_one, context, jar) for jar in wanted]
            try:
                for done, future in enumerate(as_completed(fetching), start=1):
                    future.result()
                    if done % 10 == 0:
                        announce(f"  {done} of {len(wanted)} files")
            except DeskError:
                pool.shutdown(cancel_futures=True)
                raise


def _fetch_one(context: "MavenContext", jar: Jar) -> None:
    """Fetch one jar. A cut download leaves a file that the next try recognises by its hash."""
    path = jar.path(context.repo_cache)
    for again in reversed(range(TRIES)):
        path.unlink(missing_ok=True)
        try:
            _artifact(context, jar).resolve()
            if digest(path) == jar.sha256:
                return
            reason = "what came is not the file that kafka.lock pins"
        # RequestException is an OSError; jgo says RuntimeError for what a repository hasn't got.
        except (OSError, RuntimeError) as error:
            reason = _reason(error)
        if again:
            time.sleep(1)
    path.unlink(missing_ok=True)
    raise DeskError(_failure(jar, context, reason))


def _artifact(context: "MavenContext", jar: Jar) -> "Artifact":
    group, artifact, version = jar.coordinate.split(":")
    return context.project(group, artifact).at_version(version).artifact()


def _context(cache: Path, repository: str) -> "MavenContext":
    """Make jgo trust what the system trusts: company networks have certificates of their own."""
    import truststore  # noqa: PLC0415 - only a fetch needs it

    truststore.inject_into_ssl()  # before jgo's HTTP client is imported
    from jgo.maven import MavenContext  # noqa: PLC0415 - see the line above

    return MavenContext(
        repo_cache=cache, remote_repos={"repository": repository}, timeout=TIMEOUT_SECONDS
    )


def _reason(error: Exception) -> str:
    """Say in a few words what requests says in many."""
    from requests import exceptions  # noqa: PLC0415 - after truststore, see _context

    known = (
        (exceptions.SSLError, "its certificate is not trusted by this system"),
        (exceptions.ProxyError, "the proxy refused"),
        (exceptions.Timeout, f"no answer within {TIMEOUT_SECONDS} s"),
        (exceptions.ChunkedEncodingError, "the connection broke off in the middle"),
        (exceptions.ConnectionError, "no connection"),
        (RuntimeError, "it does not have the file, or would not give it"),
    )
    return next((words for kind, words in known if isinstance(error, kind)), str(error))


def _failure(jar: Jar, context: "MavenContext", reason: str) -> str:
    (repository,) = context.remote_repos.values()
    return (
        f"Could not fetch {jar.coordinate} from {repository}: {reason}.\n"
        f"Apache Kafka is fetched once, into {context.repo_cache}. Check the network (HTTPS_PROXY "
        f"is honoured), or name a Maven mirror of yours: {VARIABLE}=https://... make run\n"
        "Nothing is broken: what came already is kept, and the next start goes on from there."
    )


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Let one clone at a time write to the cache; the others wait and then find everything."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = (cache / ".careline.lock").open("w")
    except OSError as error:
        raise DeskError(
            f"Cannot write to {cache}, where Kafka's jars are kept: {error.strerror}. "
            "Name another folder with M2_REPO=..."
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def relock() -> None:
    """Resolve the versions above anew and write `kafka.lock`."""
    context = _context(cache_folder(os.environ), os.environ.get(VARIABLE) or CENTRAL)
    direct, transitive = context.resolver.resolve([context.create_dependency(KAFKA)])
    # The logging jar alone: resolved together, its parent's version list would replace Kafka's.
    artifacts = [
        *(d.artifact for d in direct),
        *(d.artifact for d in transitive if d.scope in {"compile", "runtime"}),
        context.create_dependency(LOGGING).artifact,
    ]
    lines = [
        f"{digest(artifact.resolve())}  {artifact.groupId}:{artifact.artifactId}:{artifact.version}"
        for artifact in artifacts
    ]
    head = (
        "# Written by `python -m deploy.local.jars --lock`: SHA-256 and Maven coordinate per jar."
    )
    LOCK.write_text("\n".join([head, *lines, ""]), encoding="utf-8")


def main() -> None:
    """Fetch, or lock with `--lock`. A failure is said on standard error, exit code 1."""
    if sys.argv[1:] == ["--lock"]:
        relock()
        return
    try:
        fetch(lambda line: print(line, flush=True), os.environ)
    except DeskError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
