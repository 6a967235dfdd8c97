"""What the tests of messaging on the real stack share."""

from pathlib import Path

import pytest

MIGRATIONS = Path(__file__).parents[3] / "services" / "messaging" / "migrations"


@pytest.fixture(scope="session")
def migrations() -> Path:
    """Its own tables."""
    return MIGRATIONS
