"""Fixtures for every test, and how many cases those tests draw that draw their own."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from deploy.local import ports
from shared import metrics
from tests.support.stack import Stack, running_stack

if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    # Of several workers each has a stack of its own, and ports that no other one takes.
    number, workers = int(worker.removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ[ports.SHARE_VARIABLE] = ports.share(number, workers)

# What services do at their start: in the tests' process all of them may run.
for service in metrics.EVERYWHERE:
    metrics.expose(service)

settings.register_profile("default", max_examples=80, deadline=None)
settings.register_profile("nightly", max_examples=10_000, deadline=None)  # `make nightly`
settings.load_profile("default")


WHOLE_DESKS = ("tests/e2e/", "tests/integration/benchmarks/")
"""Tests that keep a machine busy by themselves: one worker has all of them, one after the other."""


class _ByFile(LoadFileScheduling):  # type: ignore[misc] # it has no types
    """A file's tests share a worker, since they share services; so do those of whole desks."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(WHOLE_DESKS):
            return "whole desks"
        return nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Share tests out among several workers."""
    return _ByFile(config, log)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Kafka and Postgres, started when the first test asks for them."""
    with running_stack() as running:
        yield running
