"""Named places at which a test may kill the process, to see that nothing is lost or doubled.

Off, and as cheap as one comparison, unless `CARELINE_FAILPOINT` names a place: `outbox.published`
kills at the first time it is passed, `outbox.published:3` at the third.
"""

import os
import signal

_armed, _, _count = os.environ.get("CARELINE_FAILPOINT", "").partition(":")
_left = int(_count or "1")


def failpoint(name: str) -> None:
    """End this process with SIGKILL if the place is armed and its turn has come."""
    if name == _armed:
        _hit()


def _hit() -> None:
    global _left  # noqa: PLW0603 - a process dies at most once
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
