"""All the SQL of notifier. Every function runs in its caller's transaction."""

from services.notifier.store.about import (
    read_about,
)
from services.notifier.store.acknowledgements import (
    count_acknowledged,
    lock_addresses,
    read_acknowledged,
    read_known_deliveries,
)
from services.notifier.store.alerts import (
    add_alerts,
    end_empty_digests,
    keep_overtaken,
    keep_retracted,
    keep_slips,
    lock_alerting,
    lock_digests,
    lock_overtaken,
    lock_stoppable,
    lock_withdrawn_items,
    take_waiting_slips,
    try_lock_alerting,
)
from services.notifier.store.articles import (
    find_articles,
    replace_articles,
)
from services.notifier.store.assignments import (
    lock_reassigned,
    record_assignments,
    record_queues,
)
from services.notifier.store.bounces import (
    mark_alive,
    mark_bounced,
    mark_delivery_bounced,
    read_bounced,
)
from services.notifier.store.clocks import (
    read_next_dues,
    record_clocks,
)
from services.notifier.store.deliveries import (
    claim,
    lock_alerts,
    lock_carried,
    lock_left,
    lock_tried,
    plan_deliveries,
    read_waiting,
    release_acknowledgements,
    save,
)
from services.notifier.store.forgetting import (
    forget,
)
from services.notifier.store.messages import (
    carry_messages,
    keep_messages,
    lock_waiting_replies,
    read_mailed,
    read_unmailed,
)
from services.notifier.store.storms import (
    add_digests,
    let_go,
    lock_open_digests,
    read_alerts,
    read_due,
    read_lately,
)
from services.notifier.store.tickets import (
    add_tickets,
    heed_received,
    keep_received,
    lock_tickets,
    read_tickets,
    record_answers,
    record_priorities,
    record_slots,
    record_statuses,
    restore_addresses,
)
from services.notifier.store.tries import (
    begin_tries,
    end_try,
    keep_content,
)

__all__ = [
    "add_alerts",
    "add_digests",
    "add_tickets",
    "begin_tries",
    "carry_messages",
    "claim",
    "count_acknowledged",
    "end_empty_digests",
    "end_try",
    "find_articles",
    "forget",
    "heed_received",
    "keep_content",
    "keep_messages",
    "keep_overtaken",
    "keep_received",
    "keep_retracted",
    "keep_slips",
    "let_go",
    "lock_addresses",
    "lock_alerting",
    "lock_alerts",
    "lock_carried",
    "lock_digests",
    "lock_left",
    "lock_open_digests",
    "lock_overtaken",
    "lock_reassigned",
    "lock_stoppable",
    "lock_tickets",
    "lock_tried",
    "lock_waiting_replies",
    "lock_withdrawn_items",
    "mark_alive",
    "mark_bounced",
    "mark_delivery_bounced",
    "plan_deliveries",
    "read_about",
    "read_acknowledged",
    "read_alerts",
    "read_bounced",
    "read_due",
    "read_known_deliveries",
    "read_lately",
    "read_mailed",
    "read_next_dues",
    "read_tickets",
    "read_unmailed",
    "read_waiting",
    "record_answers",
    "record_assignments",
    "record_clocks",
    "record_priorities",
    "record_queues",
    "record_slots",
    "record_statuses",
    "release_acknowledgements",
    "replace_articles",
    "restore_addresses",
    "save",
    "take_waiting_slips",
    "try_lock_alerting",
]
