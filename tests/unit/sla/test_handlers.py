"""Whose plan a ticket is slotted by."""

import pytest

from services.sla.handlers import Rules
from tests.support import said


@pytest.mark.parametrize(
    ("trust", "verified", "counts"),
    [(True, False, True), (True, True, True), (False, False, False), (False, True, True)],
)
def test_an_account_that_was_only_named_counts_where_that_is_allowed(
    *, trust: bool, verified: bool, counts: bool
) -> None:
    """With proof an account always counts; without, it is the organisation's decision."""
    created = said.ticket_created(account="an-account")
    data = created.data.model_copy(update={"account_verified": verified})
    created = created.model_copy(update={"data": data})
    account = Rules(said.CATALOGUE, trust_named_accounts=trust).account_of(created)
    assert account == ("an-account" if counts else "")
