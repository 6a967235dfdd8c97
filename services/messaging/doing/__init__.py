"""What people do with tickets: for the API and for all pages.

Each function works on a connection of `Guarded.transaction`, keeps and says in that transaction
what was done, and does nothing when it is asked for again. What somebody may not do, or what can't
be done, is a `Problem`.
"""

from services.messaging.changes import UNSET, Unset
from services.messaging.doing.links import revoke_links
from services.messaging.doing.merges import merge, unmerge
from services.messaging.doing.plan_wishes import dismiss_plan, request_plan
from services.messaging.doing.posting import Words, mark_read, post
from services.messaging.doing.setting import assign, set_priority, set_status, set_tags

__all__ = [
    "UNSET",
    "Unset",
    "Words",
    "assign",
    "dismiss_plan",
    "mark_read",
    "merge",
    "post",
    "request_plan",
    "revoke_links",
    "set_priority",
    "set_status",
    "set_tags",
    "unmerge",
]
