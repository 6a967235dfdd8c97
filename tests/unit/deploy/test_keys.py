"""The desk's secrets are made once, kept, and readable by nobody else."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.requests import Request

from deploy.local import keys
from deploy.local.errors import DeskError
from shared.identity import Caller, Role, Verifier, load_keys
from shared.problems import Problem

SERVICES = ("sla", "notifier")


def caller(home: Path, token: str, *, later: float = 0) -> Caller | None:
    """Whom the services would take a token's bearer for."""
    now = datetime.now(UTC) + timedelta(seconds=later)  # noqa: TID251 - tokens live in real time
    verifier = Verifier(
        load_keys(home / "keys" / "jwks.json"),
        issuer="careline",
        audience="careline",
        clock=lambda: now,
    )
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return verifier.caller(Request({"type": "http", "headers": headers}))


def test_a_token_holds_with_the_services(tmp_path: Path) -> None:
    """They take it for the role, the account and the subject it was signed for."""
    token = keys.ensure(tmp_path, SERVICES).mint(Role.CUSTOMER, "an-account", "somebody", 60)
    assert caller(tmp_path, token) == Caller(
        "somebody", "an-account", "Customer", frozenset({Role.CUSTOMER})
    )


def test_a_token_expires(tmp_path: Path) -> None:
    """After its time it holds no more."""
    token = keys.ensure(tmp_path, SERVICES).mint(Role.AGENT, None, "somebody", 60)
    with pytest.raises(Problem, match="does not hold"):
        caller(tmp_path, token, later=120)


def test_a_second_start_finds_the_same_secrets(tmp_path: Path) -> None:
    """What was signed and stored before still holds."""
    first = keys.ensure(tmp_path, SERVICES)
    again = keys.ensure(tmp_path, SERVICES)
    assert again.passwords == first.passwords
    assert again.pseudonym_secret == first.pseudonym_secret
    assert caller(tmp_path, first.mint(Role.AGENT, None, "somebody", 60)) is not None
    assert keys.load(tmp_path).passwords == first.passwords


def test_a_new_service_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    """Desks are older than some of their services."""
    first = keys.ensure(tmp_path, SERVICES)
    again = keys.ensure(tmp_path, (*SERVICES, "messaging"))
    assert {name: again.passwords[name] for name in SERVICES} == first.passwords
    assert len(set(again.passwords.values())) == 3


def test_no_two_desks_have_the_same(tmp_path: Path) -> None:
    """All of it is random."""
    one, other = (keys.ensure(tmp_path / name, SERVICES) for name in _folders(tmp_path))
    assert one.pseudonym_secret != other.pseudonym_secret
    assert not set(one.passwords.values()) & set(other.passwords.values())
    assert one.signing.as_dict(private=False) != other.signing.as_dict(private=False)


def _folders(tmp_path: Path) -> tuple[str, str]:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    return "one", "other"


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    """The folder and every file in it are this user's alone."""
    keys.ensure(tmp_path, SERVICES)
    folder = tmp_path / "keys"
    assert folder.stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600, 0o600]


def test_the_key_set_has_no_private_part(tmp_path: Path) -> None:
    """Services that check tokens can't sign any."""
    own = keys.ensure(tmp_path, SERVICES)
    assert '"d"' in (tmp_path / "keys" / "secrets.json").read_text(encoding="utf-8")
    assert '"d"' not in own.key_set.read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"signing": {}}', '{"signing": 1'])
def test_damaged_secrets_are_not_replaced(tmp_path: Path, content: str) -> None:
    """They may be needed for what is stored: the message says what to do."""
    keys.ensure(tmp_path, SERVICES)
    path = tmp_path / "keys" / "secrets.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DeskError, match=r"secrets\.json is damaged.*make clean-data"):
        keys.ensure(tmp_path, SERVICES)
    assert path.read_text(encoding="utf-8") == content


def test_lost_secrets_are_not_made_anew_under_old_data(tmp_path: Path) -> None:
    """Requesters would get new ids, and nobody would know why their plans are gone."""
    (tmp_path / "postgres").mkdir()
    with pytest.raises(DeskError, match=r"secrets\.json is missing.*make clean-data"):
        keys.ensure(tmp_path, SERVICES)
