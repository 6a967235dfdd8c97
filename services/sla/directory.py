"""Changes of the account directory, whoever asks: kept, said, and left to recounts."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from services.sla import accounts, plans_said, store
from shared import outbox
from shared.database import Connection


async def change(
    connection: Connection,
    wishes: Sequence[accounts.Wish],
    *,
    changed_by: str,
    clock: Callable[[], datetime],
    led_by: UUID | None = None,
) -> int:
    """Put accounts onto plans; returns how many changes that came to.

    Args:
        connection: In a transaction.
        wishes: In the order in which they are to be done.
        changed_by: Who wishes.
        clock: The present, with a zone. Read once nobody else changes these accounts.
        led_by: The event that led to it, if one did.
    """
    await store.lock_accounts(connection, sorted({wish.account for wish in wishes}))
    now = clock()
    in_force = await store.plans_at(connection, [(w.account, w.since or now) for w in wishes])
    changes = accounts.decide_changes(
        wishes, in_force, changed_by=changed_by, now=now, led_by=led_by
    )
    new = await store.add_plan_changes(connection, changes)
    made = list({change.id: change for change in changes if change.id in new}.values())
    await store.add_plan_recounts(connection, made)
    schedules = await store.read_schedules(connection, {change.account for change in made})
    await outbox.append(connection, plans_said.plans_changed(made, schedules))
    return len(new)
