"""Who is told that a ticket is theirs: pure decisions."""

from datetime import datetime

from services.notifier.deliveries import Delivery, DeliveryKind
from services.notifier.domain import plan_delivery
from shared.envelope import STAFF, derive_id
from shared.handling import TicketAssigned


def is_handed_over(assigned: TicketAssigned) -> bool:
    """Whether the ticket is somebody else's by it: another queue alone changes nothing for them."""
    return assigned.data.assignee != assigned.data.previous_assignee


def tell(assigned: TicketAssigned, *, now: datetime) -> Delivery | None:
    """The mail to whom a ticket was given; None where there is nobody to tell.

    Who took it knows; of whom no address is known, nobody can write to.
    """
    data, private = assigned.data, assigned.data.private
    if data.assignee is None or data.assignee == data.by or not is_handed_over(assigned):
        return None
    if private is None or not private.assignee_address:
        return None
    kind = DeliveryKind.ASSIGNMENT
    id_ = derive_id(assigned.id, kind)
    return plan_delivery(
        assigned, kind, private.assignee_address, person=STAFF, id_=id_, not_before=now
    )
