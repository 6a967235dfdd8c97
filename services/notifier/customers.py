"""What customers are sent: pure decisions."""

from datetime import datetime

from services.notifier.domain import Delivery, DeliveryKind, plan_delivery
from shared.envelope import derive_id
from shared.events import TicketCreated


def acknowledge(created: TicketCreated, *, not_before: datetime) -> Delivery | None:
    """The one acknowledgement of a ticket, or None where its personal part was taken away."""
    private = created.data.private
    if private is None:
        return None
    kind = DeliveryKind.ACKNOWLEDGEMENT
    id_ = derive_id(created.id, kind)
    return plan_delivery(created, kind, private.address, id_=id_, not_before=not_before)
