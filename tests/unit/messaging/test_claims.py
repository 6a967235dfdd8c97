"""What a provider says of somebody, as the desk takes it."""

from typing import Any

import pytest

from services.messaging.login.claims import ClaimNames, lacks, person_of
from services.messaging.login.sign_ins import own_path

NAMES = ClaimNames()
SAID = {
    "sub": "u-1",
    "name": "Gold Customer",
    "email": "customer@acme.example",
    "email_verified": True,
    "roles": ["customer"],
    "account": "acme",
}


def test_everything_that_is_said_is_taken() -> None:
    """Name, address, account and roles."""
    person = person_of(SAID, NAMES)
    assert (person.subject, person.name, person.account) == ("u-1", "Gold Customer", "acme")
    assert (person.address, person.address_verified) == ("customer@acme.example", True)
    assert person.roles == ("customer",)


@pytest.mark.parametrize("verified", [False, None, "false", 1, "yes", ["true"]])
def test_an_address_counts_only_if_the_provider_has_verified_it(verified: object) -> None:
    """Or anybody could see anybody's tickets by claiming their address."""
    assert not person_of(SAID | {"email_verified": verified}, NAMES).address_verified


@pytest.mark.parametrize("address", ["no address", "two@at@signs", 7, None, "a" * 300 + "@x"])
def test_what_is_no_address_is_none(address: object) -> None:
    """And nothing is verified then."""
    person = person_of(SAID | {"email": address}, NAMES)
    assert (person.address, person.address_verified) == (None, False)


@pytest.mark.parametrize(
    ("said", "roles"),
    [
        (["agent", "lead"], ("agent", "lead")),
        ("agent admin", ("admin", "agent")),
        (["root", "agent"], ("agent",)),
        (["Agent"], ("customer",)),
        ([], ("customer",)),
        (None, ("customer",)),
        ({"agent": True}, ("customer",)),
        ([["agent"]], ("customer",)),
        (7, ("customer",)),
    ],
)
def test_only_roles_that_there_are_count(said: object, roles: tuple[str, ...]) -> None:
    """Who has none is a customer."""
    assert person_of(SAID | {"roles": said}, NAMES).roles == roles


def test_claims_may_stand_elsewhere() -> None:
    """Under another name, or inside of another claim; a name with dots in it goes first."""
    names = ClaimNames("realm_access.roles", "https://careline.example/account")
    said: dict[str, Any] = {
        "sub": "u-1",
        "realm_access": {"roles": ["lead"]},
        "https://careline.example/account": "acme",
    }
    person = person_of(said, names)
    assert (person.roles, person.account) == (("lead",), "acme")


def test_a_subject_that_is_an_address_is_not_told_further() -> None:
    """It stands in events and logs: there its hash stands instead, the same each time."""
    person = person_of(SAID | {"sub": "somebody@acme.example"}, NAMES)
    assert "@" not in person.subject
    assert person.subject == person_of(SAID | {"sub": "somebody@acme.example"}, NAMES).subject
    assert person.subject != person_of(SAID | {"sub": "another@acme.example"}, NAMES).subject


def test_names_are_one_line_and_short() -> None:
    """Whatever a provider lets people call themselves."""
    person = person_of(SAID | {"name": " A\nB\x00\u202e " + "c" * 300}, NAMES)
    assert person.name is not None
    assert person.name.startswith("A B c")
    assert len(person.name) == 200


def test_what_is_missing_is_asked_for() -> None:
    """Some providers say the rest only when asked."""
    assert not lacks(SAID, NAMES)
    for name in ("name", "email", "roles"):
        assert lacks({key: value for key, value in SAID.items() if key != name}, NAMES)


@pytest.mark.parametrize("path", ["/", "/inbox", "/center?a=1&b=/x", "/docs/a#b", "/a//b"])
def test_paths_of_ours_are_gone_on_to(path: str) -> None:
    """As they are."""
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [None, "", "x", "//x", "/\\x", "https://x", "/\x00", "/é", "/a\\b", "/%5c%5cx", "/" * 9, "/ x"],
)
def test_anything_else_leads_to_the_first_page(path: str | None) -> None:
    """Whatever a browser might take for another site."""
    assert own_path(path) == "/"
