"""What passes by itself is told from what is the record's fault."""

import asyncpg
import pytest

from shared.faults import BrokerAwayError, is_passing

PASSING = [
    BrokerAwayError(),
    ConnectionRefusedError(),
    ConnectionResetError(),
    TimeoutError(),
    OSError(),
    asyncpg.InterfaceError("the connection is closed"),
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    asyncpg.ConnectionDoesNotExistError(),
    asyncpg.CannotConnectNowError(),
    asyncpg.AdminShutdownError(),
    asyncpg.CrashShutdownError(),
    asyncpg.TooManyConnectionsError(),
    asyncpg.DiskFullError(),
    asyncpg.OutOfMemoryError(),
    asyncpg.DeadlockDetectedError(),
    asyncpg.SerializationError(),
    asyncpg.LockNotAvailableError(),
    asyncpg.QueryCanceledError(),
    asyncpg.ReadOnlySQLTransactionError(),
    asyncpg.UndefinedTableError(),
    asyncpg.InsufficientPrivilegeError(),
    asyncpg.InvalidPasswordError(),
    asyncpg.InvalidCatalogNameError(),
    asyncpg.InvalidCachedStatementError(),
]
LASTING = [
    ValueError(),
    KeyError(),
    AssertionError(),
    RuntimeError(),
    asyncpg.UniqueViolationError(),
    asyncpg.CheckViolationError(),
    asyncpg.NotNullViolationError(),
    asyncpg.ForeignKeyViolationError(),
    asyncpg.CharacterNotInRepertoireError(),
    asyncpg.NumericValueOutOfRangeError(),
    asyncpg.InvalidTextRepresentationError(),
    asyncpg.RaiseError(),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_what_may_pass_is_tried_again(error: BaseException) -> None:
    """Somebody is away, busy, locked out or not migrated yet: no record is at fault."""
    assert is_passing(error)


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
def test_what_never_passes_is_the_records_fault(error: BaseException) -> None:
    """Bad data, a broken constraint, a mistake of ours: trying again brings the same."""
    assert not is_passing(error)
