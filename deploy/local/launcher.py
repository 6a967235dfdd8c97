"""Becomes another program that does not outlive the desk.

`python -I -S launcher.py SIGNAL PARENT UID:GID COMMAND...`, run by path with nothing but the
standard library: it gives up root where asked (`-` keeps the user), asks Linux to send SIGNAL when
the desk dies, and executes COMMAND in its own place, so that the process id stays the same.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def become(user: str) -> None:
    """Give up root for `uid:gid`."""
    uid, gid = (int(part) for part in user.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with_parent(signal_number: int, parent: int) -> None:
    """Ask for a signal when the parent dies; other systems than Linux have no such thing.

    The change of user clears the wish, so it comes after it. A parent that died before we asked
    sends nothing any more: hence the second look.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The desk is gone.")


def main() -> None:
    """Read the arguments and become the command."""
    signal_number, parent, user, *command = sys.argv[1:]
    if user != "-":
        become(user)
    die_with_parent(int(signal_number), int(parent))
    os.execv(command[0], command)  # noqa: S606 - becoming the command is the point; no shell wanted


if __name__ == "__main__":
    main()
