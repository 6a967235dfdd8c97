"""Kafka's jars: whole, or not there, or said why not."""

import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from deploy.local import jars
from deploy.local.errors import DeskError

pytestmark = pytest.mark.usefixtures("classpath")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without writing about it."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve folders as Maven repositories on this machine."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(folder: Path) -> str:
        handler = partial(QuietHandler, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Maven cache of our own with every jar in it."""
    folder = tmp_path / "cache"
    for jar in jars.locked():
        copy = jar.path(folder)
        copy.parent.mkdir(parents=True)
        shutil.copyfile(jar.path(jars.cache_folder(os.environ)), copy)
    monkeypatch.setenv("M2_REPO", str(folder))
    return folder


async def test_a_complete_cache_needs_no_network(
    cache: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second start fetches nothing, so it works without a network."""
    monkeypatch.setenv(jars.VARIABLE, "http://127.0.0.1:9")
    found = await jars.ensure(told.append, os.environ)
    assert len(found) == len(jars.locked())
    assert all(path.is_relative_to(cache) for path in found)
    assert told == []


async def test_a_failed_download_says_what_where_and_what_to_try(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network the message names file, repository and way out, and no file is left."""
    monkeypatch.setenv("M2_REPO", str(tmp_path / "empty"))
    monkeypatch.setenv(jars.VARIABLE, "http://127.0.0.1:9")
    with pytest.raises(DeskError) as raised:
        await jars.ensure(told.append, os.environ)
    message = str(raised.value)
    assert "from http://127.0.0.1:9: no connection." in message
    assert f"{jars.VARIABLE}=https://" in message
    assert "Traceback" not in message
    assert list((tmp_path / "empty").rglob("*.jar")) == []


async def test_a_cut_download_is_fetched_again(
    cache: Path,
    tmp_path: Path,
    told: list[str],
    serve: Callable[[Path], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A jar that was cut in the middle is recognised and replaced; the others are left alone."""
    jar = jars.locked()[1]
    whole = jar.path(cache).read_bytes()
    served = jar.path(tmp_path / "repository")
    served.parent.mkdir(parents=True)
    served.write_bytes(whole)
    jar.path(cache).write_bytes(whole[: len(whole) // 2])
    monkeypatch.setenv(jars.VARIABLE, serve(tmp_path / "repository"))
    await jars.ensure(told.append, os.environ)
    assert jar.path(cache).read_bytes() == whole
    assert told[0].endswith(": 1 files")


async def test_another_file_than_the_pinned_one_is_refused(
    cache: Path,
    tmp_path: Path,
    told: list[str],
    serve: Callable[[Path], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a repository gives under the right name but with the wrong hash is thrown away."""
    jar = jars.locked()[0]
    jar.path(cache).unlink()
    served = jar.path(tmp_path / "repository")
    served.parent.mkdir(parents=True)
    served.write_bytes(b"PK something else")
    monkeypatch.setenv(jars.VARIABLE, serve(tmp_path / "repository"))
    with pytest.raises(DeskError, match=r"not the file that kafka\.lock pins"):
        await jars.ensure(told.append, os.environ)
    assert not jar.path(cache).exists()


async def test_a_file_that_the_repository_lacks_is_named(
    cache: Path,
    tmp_path: Path,
    told: list[str],
    serve: Callable[[Path], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mirror without the file is told apart from a network that is down."""
    jar = jars.locked()[0]
    jar.path(cache).unlink()
    (tmp_path / "repository").mkdir()
    monkeypatch.setenv(jars.VARIABLE, serve(tmp_path / "repository"))
    with pytest.raises(DeskError, match="does not have the file") as raised:
        await jars.ensure(told.append, os.environ)
    assert jar.coordinate in str(raised.value)
