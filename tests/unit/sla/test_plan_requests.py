"""Which changes of plan that agents ask for are made, and why others are not."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.sla.accounts import PlanChange
from services.sla.clocks import Opening
from services.sla.domain import Ticket
from services.sla.plan_requests import decline, why_not
from services.sla.plans_said import plan_changed
from shared.envelope import NAMESPACE, derive_id
from shared.handling import DeclineReason
from tests.support import said
from tests.support.said_handling import plan_change_requested

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CREATED = said.ticket_created(account="an-account", at=AT)


def ticket(account: str = "an-account") -> Ticket:
    """As sla keeps it; the account is the one that counts, empty if it was not proved."""
    opening = Opening(
        id=CREATED.id,
        at=AT,
        priority=CREATED.data.priority,
        plan="starter",
        catalogue_version=said.CATALOGUE.version,
        by_agent=False,
    )
    return Ticket(UUID(CREATED.subject), 0, account, opening, None)


def test_a_plan_of_the_catalogue_for_the_tickets_account_is_changed() -> None:
    """Nothing stands against it."""
    requested = plan_change_requested(CREATED, "centurion")
    assert why_not(requested, ticket(), said.CATALOGUE) is None


@pytest.mark.parametrize(
    ("slotted", "named"),
    [
        pytest.param(ticket(), "another-account", id="another account is named"),
        pytest.param(ticket(""), "an-account", id="its account was not proved"),
        pytest.param(ticket(""), "", id="none is named, and none counts"),
        pytest.param(None, "an-account", id="the ticket is not known"),
    ],
)
def test_only_the_account_that_counts_for_the_ticket_is_changed(
    slotted: Ticket | None, named: str
) -> None:
    """An agent changes the plan of whom they talk to, and of nobody else."""
    requested = plan_change_requested(CREATED, "centurion", account=named or None)
    if not named:
        empty = requested.data.model_copy(update={"account": ""})
        requested = requested.model_copy(update={"data": empty})
    assert why_not(requested, slotted, said.CATALOGUE) is DeclineReason.ANOTHER_ACCOUNT


def test_a_plan_that_the_catalogue_does_not_have_is_declined() -> None:
    """The request names the reason, and what it answers."""
    requested = plan_change_requested(CREATED, "platinum")
    reason = why_not(requested, ticket(), said.CATALOGUE)
    assert reason is DeclineReason.UNKNOWN_PLAN
    declined = decline(requested, reason, now=AT)
    assert (declined.subject, declined.causationid) == (CREATED.subject, requested.id)
    assert (declined.data.request, declined.data.plan) == (requested.id, "platinum")
    assert decline(requested, reason, now=said.now()).id == declined.id


def test_a_plan_change_names_the_request_that_led_to_it() -> None:
    """And one by an admin names nothing: nothing on the stream led to it."""
    request = derive_id(NAMESPACE, "a request")
    change = PlanChange(
        derive_id(NAMESPACE, "a change"), "an-account", "basic", None, AT, "a-agent", AT, request
    )
    assert plan_changed(change).causationid == request
    by_hand = PlanChange(change.id, "an-account", "basic", None, AT, "a-admin", AT)
    assert plan_changed(by_hand).causationid is None
