"""Fixtures for every test."""

from collections.abc import Iterator

import pytest

from tests.support.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Kafka and Postgres, started when the first test asks for them."""
    with running_stack() as running:
        yield running
