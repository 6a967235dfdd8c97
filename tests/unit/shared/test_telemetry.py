"""Logs are JSON, one line each, and never repeat what an exception says."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
# In a process of its own: it sets up logging for good.
PROGRAM = """
import asyncio, gc, logging, structlog
from shared.telemetry import configure_logging

configure_logging(service="desk", level="INFO")
log = structlog.get_logger("shared.anything")


def fail():
    error = ValueError("SECRET text")
    error.add_note("SECRET note")
    try:
        raise KeyError("SECRET cause")
    except KeyError as cause:
        raise error from cause


def trying(what, say):
    try:
        what()
    except Exception:
        say()


def group():
    raise ExceptionGroup("SECRET group", [ValueError("SECRET member"),
        ExceptionGroup("SECRET inner group", [TypeError("SECRET inner member")])])


async def forgotten():
    raise ValueError("SECRET of a task")


async def forget():
    task = asyncio.create_task(forgotten())
    await asyncio.sleep(0.01)
    del task
    gc.collect()


log.info("plain", ticket="t-1", text="two\\nlines, ünïcode")
log.debug("too small")
trying(fail, lambda: log.exception("failed", part="relay"))
trying(group, lambda: logging.getLogger("a.library").exception("many failed"))
trying(lambda: compile("SECRET source code", "x", "exec"), lambda: log.exception("syntax"))
log.error("given", exc_info=ValueError("SECRET given"))
logging.getLogger("a.library").warning("with %s", "arguments")
asyncio.run(forget())
logging.getLogger("aiokafka.conn").error("Unable to connect")
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """What that program logs."""
    ended = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_every_line_is_json_and_says_who_when_and_how_bad(lines: list[dict[str, Any]]) -> None:
    """Lines of libraries too."""
    for line in lines:
        assert line.keys() >= {"event", "level", "logger", "service", "timestamp"}
        assert line["service"] == "desk"
        assert line["timestamp"].endswith("Z")
    assert [line["event"] for line in lines] == [
        "plain",
        "failed",
        "many failed",
        "syntax",
        "given",
        "with arguments",
        "Task exception was never retrieved",
    ]


def test_fields_are_kept_as_they_are(lines: list[dict[str, Any]]) -> None:
    """A line break in a field does not break the line."""
    assert lines[0]["ticket"] == "t-1"
    assert lines[0]["text"] == "two\nlines, ünïcode"
    assert lines[1]["part"] == "relay"


def test_an_exceptions_text_is_not_logged(lines: list[dict[str, Any]]) -> None:
    """Neither its own, nor that of its cause, its notes, its members or its task."""
    assert "SECRET" not in json.dumps(lines)


def test_an_exceptions_kind_and_place_are_logged(lines: list[dict[str, Any]]) -> None:
    """What a developer needs is there: the types along the chain, and where they were raised."""
    assert [part["exc_type"] for part in lines[1]["exception"]] == ["ValueError", "KeyError"]
    assert lines[1]["exception"][0]["frames"][-1]["name"] == "fail"
    (group,) = lines[2]["exception"]
    assert [chain[0]["exc_type"] for chain in group["exceptions"]] == [
        "ValueError",
        "ExceptionGroup",
    ]


def test_configuring_is_left_to_the_process() -> None:
    """Importing the module changes no logger: tests and tools keep their own."""
    assert not [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]
