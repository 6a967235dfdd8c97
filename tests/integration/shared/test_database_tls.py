"""TLS to Postgres as the address asks for it, and a server that refuses us says why.

The Postgres of the tests has no TLS of its own (`tests/support/tls_postgres.py`): what is tried
here is our side of it, with real certificates and a real database behind.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.database import Database
from shared.faults import AwayError
from tests.support.certificates import make_certificate
from tests.support.stack import Stack
from tests.support.tls_postgres import tls_in_front


@pytest.fixture
async def front(stack: Stack, tmp_path: Path) -> AsyncIterator[int]:
    """The port of a Postgres with TLS, whose certificate is `server.pem`."""
    port = urlsplit(stack.postgres_admin_dsn).port
    assert port is not None
    async with tls_in_front(port, *make_certificate(tmp_path)) as found:
        yield found


def database(
    stack: Stack, port: int | None, query: str, *, password: str | None = None
) -> Database:
    """One that is reached so."""
    server = urlsplit(stack.postgres_admin_dsn)
    login = f"{server.username}:{password or server.password}"
    address = f"postgresql://{login}@127.0.0.1:{port or server.port}/postgres{query}"
    return Database(address, service="test", size=2)


async def test_a_server_is_trusted_by_its_authority_and_its_name(
    stack: Stack, front: int, tmp_path: Path
) -> None:
    """With `verify-full`, and the connection works."""
    query = f"?sslmode=verify-full&sslrootcert={tmp_path / 'server.pem'}"
    reached = database(stack, front, query)
    await reached.start()
    try:
        async with reached.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1
            assert connection.is_in_transaction() is False
    finally:
        await reached.stop()


async def test_a_certificate_of_another_authority_is_refused(
    stack: Stack, front: int, tmp_path: Path
) -> None:
    """No password goes there, and the reason says what to look at."""
    other, _ = make_certificate(tmp_path, "other")
    reached = database(stack, front, f"?sslmode=verify-full&sslrootcert={other}")
    with pytest.raises(AwayError, match="database server's certificate is not trusted"):
        await reached.start()


async def test_a_certificate_for_another_name_is_refused(stack: Stack, tmp_path: Path) -> None:
    """An authority signs for many: the name counts."""
    port = urlsplit(stack.postgres_admin_dsn).port
    assert port is not None
    chain, key = make_certificate(tmp_path, by_address=False)
    async with tls_in_front(port, chain, key) as found:
        reached = database(stack, found, f"?sslmode=verify-full&sslrootcert={chain}")
        with pytest.raises(AwayError, match="for another name"):
            await reached.start()


async def test_nothing_goes_in_the_clear_where_tls_was_asked_for(stack: Stack) -> None:
    """A server that has none is told, and left alone."""
    with pytest.raises(AwayError, match="has no TLS"):
        await database(stack, None, "?sslmode=require").start()


async def test_a_wrong_password_is_told(stack: Stack) -> None:
    """It is tried again for ever, and somebody must know what to mend meanwhile."""
    with pytest.raises(AwayError, match="refuses our role or password"):
        await database(stack, None, "?sslmode=disable", password="wrong").start()
