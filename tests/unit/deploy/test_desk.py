"""What the desk tells each of its services."""

import asyncio
from pathlib import Path

import pytest

from deploy.local import commands, desk, keys, people, ports
from deploy.local.desk import SERVICES, WITH_DATABASE, Desk, service_environ
from deploy.local.keys import Keys
from shared.identity import Role
from shared.plans import PLAN_IDS, load_catalogue

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
    """Intake, sla and messaging; and nobody knows the key that signs tokens."""
    assert {name for name in SERVICES if own.pseudonym_secret in str(environs[name])} == {
        "intake",
        "sla",
        "messaging",
    }
    signing = own.signing.as_dict(private=True)["d"]
    assert isinstance(signing, str)
    assert signing not in str(environs)


def test_only_the_form_and_who_signs_people_in_know_the_secret_of_passes(
    own: Keys, environs: dict[str, dict[str, str]]
) -> None:
    """Intake and messaging: nobody else can tell the form who is signed in."""
    knowing = {name for name in SERVICES if own.pass_secret in str(environs[name])}
    assert knowing == {"intake", "messaging"}


def test_pages_know_where_they_are_reached_and_where_people_sign_in(
    environs: dict[str, dict[str, str]],
) -> None:
    """On this machine, and the documentation is the desk's own."""
    messaging, intake = environs["messaging"], environs["intake"]
    assert messaging["CARELINE_OIDC_ISSUER"] == "http://127.0.0.1:9011"
    assert messaging["CARELINE_PUBLIC_ADDRESS"] == "http://127.0.0.1:9004"
    assert messaging["CARELINE_INTAKE"] == intake["CARELINE_PUBLIC_ADDRESS"]
    assert intake["CARELINE_MESSAGING_CENTER"] == messaging["CARELINE_PUBLIC_ADDRESS"]
    assert intake["CARELINE_DOCUMENTATION"] == "http://127.0.0.1:9004/docs"
    troubleshooting = environs["notifier"]["CARELINE_TROUBLESHOOTING"]
    assert troubleshooting == "http://127.0.0.1:9004/docs/troubleshooting"


def test_documentation_elsewhere_is_pointed_to(tmp_path: Path, own: Keys) -> None:
    """If whoever runs the desk says so."""
    path = commands.CATALOGUE
    chosen = Desk(tmp_path, ports.from_base(9000), path, load_catalogue(path))
    given = {"CARELINE_DOCUMENTATION": "https://docs.example"}
    for name in ("intake", "notifier"):
        environ = service_environ(chosen, own, name, given)
        assert environ["CARELINE_DOCUMENTATION"] == "https://docs.example"


def test_everything_stays_on_this_machine(environs: dict[str, dict[str, str]]) -> None:
    """Whatever the environment says of servers elsewhere; what mails say of us may be set."""
    for environ in environs.values():
        assert environ["CARELINE_KAFKA"] == "127.0.0.1:9008"
        assert environ["CARELINE_BRAND"] == "Somebody's"
        assert not environ.keys() & {"PYTHONPATH", "HTTPS_PROXY"}
    assert environs["notifier"]["CARELINE_SMTP_HOST"] == "127.0.0.1"


def test_a_customer_of_each_plan_and_the_desks_own_can_sign_in() -> None:
    """Nobody of them exists: their addresses end in `.example`; the provider has verified them."""
    customers = [each for each in people.PEOPLE if each.role is Role.CUSTOMER]
    assert [each.plan for each in customers] == list(PLAN_IDS)
    assert len({each.account for each in customers}) == len(customers)
    for each in people.PEOPLE:
        assert each.address.endswith(".example")
        assert each.claims["email_verified"] is True
        assert ("account" in each.claims) == (each.role is Role.CUSTOMER)


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
