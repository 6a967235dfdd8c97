"""What the tests of notifier on the real stack share."""

from pathlib import Path

import pytest

from tests.support.notifier_rows import MIGRATIONS


@pytest.fixture(scope="session")
def migrations() -> Path:
    """Its own tables."""
    return MIGRATIONS
