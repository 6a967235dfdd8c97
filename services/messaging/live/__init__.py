"""Pages that are open show what happens as it happens, whichever replica it happens on."""

from services.messaging.live.feeds import Still
from services.messaging.live.hub import Hub, Watch, Woken
from services.messaging.live.patches import News, Patch, Produce
from services.messaging.live.presences import Presences
from services.messaging.live.streams import Live
from services.messaging.live.typists import Typists

__all__ = [
    "Hub",
    "Live",
    "News",
    "Patch",
    "Presences",
    "Produce",
    "Still",
    "Typists",
    "Watch",
    "Woken",
]
