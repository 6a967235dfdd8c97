"""What the desk tells each of its services."""

import asyncio
from pathlib import Path

import pytest

from deploy.local import commands, desk, keys, ports
from deploy.local.desk import SERVICES, WITH_DATABASE, Desk, service_environ
from deploy.local.keys import Keys
from shared.plans import load_catalogue

SOMEBODYS = {
    "PATH": "/usr/bin",
    "PYTHONPATH": "/somewhere",
    "HTTPS_PROXY": "http://proxy.example",
    "CARELINE_SMTP_HOST": "mail.example",
    "CARELINE_KAFKA": "kafka.example:9092",
    "CARELINE_BRAND": "Somebody's",
}


@pytest.fixture
def own(tmp_path: Path) -> Keys:
    """A desk's secrets."""
    return keys.ensure(tmp_path, WITH_DATABASE)


@pytest.fixture
def environs(tmp_path: Path, own: Keys) -> dict[str, dict[str, str]]:
    """Per service what it is told, on a machine where other things are set."""
    path = commands.CATALOGUE
    chosen = Desk(tmp_path, ports.from_base(9000), path, load_catalogue(path))
    return {name: service_environ(chosen, own, name, SOMEBODYS) for name in SERVICES}


def test_each_reaches_its_own_database_only(own: Keys, environs: dict[str, dict[str, str]]) -> None:
    """By its own role and password; intake, which has none, knows none."""
    for name, environ in environs.items():
        known = {service for service, word in own.passwords.items() if word in str(environ)}
        assert known == ({name} if name in WITH_DATABASE else set())


def test_only_those_that_make_ids_know_the_secret_of_the_ids(
    own: Keys, environs: dict[str, dict[str, str]]
) -> None:
    """Intake and sla; and nobody knows the key that signs tokens."""
    assert {name for name in SERVICES if own.pseudonym_secret in str(environs[name])} == {
        "intake",
        "sla",
    }
    signing = own.signing.as_dict(private=True)["d"]
    assert isinstance(signing, str)
    assert signing not in str(environs)


def test_everything_stays_on_this_machine(environs: dict[str, dict[str, str]]) -> None:
    """Whatever the environment says of servers elsewhere; what mails say of us may be set."""
    for environ in environs.values():
        assert environ["CARELINE_KAFKA"] == "127.0.0.1:9008"
        assert environ["CARELINE_BRAND"] == "Somebody's"
        assert not environ.keys() & {"PYTHONPATH", "HTTPS_PROXY"}
    assert environs["notifier"]["CARELINE_SMTP_HOST"] == "127.0.0.1"


async def test_of_things_done_together_the_first_failure_is_told() -> None:
    """As it is, not wrapped in a group, and what else was being done is cancelled."""
    ended = []

    async def fails() -> None:
        raise LookupError("no such port")

    async def goes_on() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(LookupError, match="no such port"):
        await desk.together(goes_on(), fails())
    assert ended == [True]
