"""Ways out: each hands deliveries over and tells what became of them."""

from services.notifier.channels.channel import Channel, Way, spoken

__all__ = ["Channel", "Way", "spoken"]
