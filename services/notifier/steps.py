"""Steps of workers, and when they are done: not while a new database learns what was."""

from collections.abc import Awaitable, Callable

Step = Callable[[], Awaitable[bool]]
"""Does a bounded amount of work and says whether there may be more."""
When = Callable[[Step], Step]
"""Has a step do nothing for as long as something stands against it."""


def at_all_times(step: Step) -> Step:
    """Nothing stands against it."""
    return step
