"""Each promise has its series, and the auditor's place in a desk is known to everybody."""

from deploy.auditor.grants import SERVICES
from deploy.auditor.promises import Promise
from shared import metrics
from tests.support.desk import WITH_DATABASE


def test_every_promise_has_its_series_from_the_beginning() -> None:
    """A violation is seen as an increase from 0, not as a series that was not there."""
    assert metrics.CATALOGUE["invariant_violations"].known["promise"] == tuple(Promise)
    found = metrics.CATALOGUE["auditor_violations_found_total"]
    assert found.known["promise"] == tuple(Promise)
    assert found.services == ("auditor",)


def test_every_database_can_be_granted() -> None:
    """Each service that has one has a file that says what may be read of it."""
    assert sorted(WITH_DATABASE) == list(SERVICES)
