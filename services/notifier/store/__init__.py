"""All the SQL of notifier. Every function runs in its caller's transaction."""

from services.notifier.store.deliveries import (
    claim,
    lock_alerts,
    lock_tried,
    plan_deliveries,
    release_acknowledgements,
    save,
)
from services.notifier.store.tickets import add_tickets, read_tickets, record_slots

__all__ = [
    "add_tickets",
    "claim",
    "lock_alerts",
    "lock_tried",
    "plan_deliveries",
    "read_tickets",
    "record_slots",
    "release_acknowledgements",
    "save",
]
