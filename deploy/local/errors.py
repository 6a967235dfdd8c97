"""What can go wrong on somebody's machine, said so that they can mend it."""


class DeskError(Exception):
    """An expected failure. Its text says what happened and what to do: show it, no traceback."""


class StopRequestedError(Exception):
    """Somebody asked the desk to stop (Ctrl-C, or SIGTERM)."""
