"""Fixtures for every test, and how many cases those tests draw that draw their own."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.stack import Stack, running_stack

settings.register_profile("default", max_examples=80, deadline=None)
settings.register_profile("nightly", max_examples=10_000, deadline=None)  # `make nightly`
settings.load_profile("default")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Kafka and Postgres, started when the first test asks for them."""
    with running_stack() as running:
        yield running
