"""Telling what may pass by itself from what never will."""

_PASSING_SQLSTATES = {
    "08",  # connection
    "0A",  # a statement prepared before a migration; asyncpg prepares it anew
    "25",  # transaction state: a server that turned read-only
    "28",  # the password was changed: ours is wrong, not the record
    "3D",  # the database is not there (yet)
    "40",  # serialization, deadlock
    "42",  # schema or rights are not there (yet): no record is at fault
    "53",  # resources
    "55",  # locks
    "57",  # shutdown, start-up, cancelled
    "58",  # the server's own I/O
}


_LINE_TROUBLE = {
    "InterfaceError",  # PEP 249's name for trouble with the driver or the line, not the database
    # asyncpg's, for a line on which the server has said goodbye while nobody asked it anything: it
    # takes no statement any more, and is not known to be cut yet.
    "InternalClientError",
}


class BrokerAwayError(Exception):
    """The broker did not take the records in time; they may or may not be on the stream."""


class AwayError(ConnectionError):
    """Somebody else is away whom a service needs; it says who in words that anybody may read."""


def is_passing(error: BaseException) -> bool:
    """Whether trying again later can help: somebody is away, busy, or not migrated yet.

    What isn't passing (bad data, a broken constraint, a mistake of ours) is the record's fault.
    Database errors are told by their SQLSTATE, so that services without a database need no driver.
    """
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return state[:2] in _PASSING_SQLSTATES
    if type(error).__name__ in _LINE_TROUBLE:
        return True
    return isinstance(error, OSError | TimeoutError | BrokerAwayError)
