"""The file of destinations: what is right is read, and what is wrong is said with its line."""

import base64
from pathlib import Path

import pytest

from services.notifier.destinations import (
    Destination,
    DestinationsError,
    load_destinations,
    parse_destinations,
)
from shared.notifications import NotificationChannel

SHIPPED = Path(__file__).parents[3] / "deploy" / "destinations.toml"
KEY = "0123456789abcdef0123456789abcdef"
SIGNING = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
ENVIRONMENT = {
    "CHAT": "https://hooks.chat.example/T0/B0/secret",
    "KEY": KEY,
    "SIGNING": SIGNING,
    "INNER": "http://10.0.0.5:8080/hook",
    "NONSENSE": "not an address",
    "EMPTY": "",
}


def parse(text: str) -> tuple[Destination, ...]:
    """Read this text."""
    return parse_destinations(text, "destinations.toml", ENVIRONMENT)


def one(line: str, *more: str) -> Destination:
    """The one destination of a file with these lines."""
    (found,) = parse("\n".join(["[destinations.here]", line, *more]))
    return found


def test_the_shipped_file_names_nothing() -> None:
    """All of it is examples."""
    assert load_destinations(SHIPPED, {}) == ()


def test_the_shipped_examples_are_right(tmp_path: Path) -> None:
    """All of them, once their comment signs are taken away."""
    (tmp_path / "key").write_text(KEY)
    wanted = ("# [", "# slack =", "# pagerduty =", "# webhook =", "# connections =")
    lines = (line for line in SHIPPED.read_text().splitlines() if line.startswith(wanted))
    text = "\n".join(line.removeprefix("# ") for line in lines)
    text = text.replace("/run/secrets/pagerduty", str(tmp_path / "key"))
    environment = {"TEAM_CHAT_URL": ENVIRONMENT["CHAT"], "INCIDENT_LOG_SECRET": SIGNING}
    found = parse_destinations(text, "destinations.toml", environment)
    assert [(each.name, each.kind, each.connections) for each in found] == [
        ("team-chat", NotificationChannel.SLACK, 4),
        ("on-call", NotificationChannel.PAGERDUTY, 4),
        ("on-call-eu", NotificationChannel.PAGERDUTY, 4),
        ("incident-log", NotificationChannel.WEBHOOK, 2),
    ]


def test_a_chat_has_its_address_from_the_environment() -> None:
    """With four places, and outside our network, unless the file says otherwise."""
    found = one('slack = { url = { env = "CHAT" } }')
    assert found.kind is NotificationChannel.SLACK
    assert found.url.get_secret_value() == ENVIRONMENT["CHAT"]
    assert (found.connections, found.allow_private) == (4, False)


def test_a_pager_has_its_key_from_a_file(tmp_path: Path) -> None:
    """Line breaks at its end don't count; the address is the world's unless it is said."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    found = one(f'pagerduty = {{ routing_key = {{ file = "{tmp_path / "key"}" }} }}')
    assert found.routing_key is not None
    assert found.routing_key.get_secret_value() == KEY
    assert found.url.get_secret_value() == "https://events.pagerduty.com/v2/enqueue"


def test_a_webhook_may_stand_in_the_file_and_have_several_secrets() -> None:
    """Its address is no secret by itself; what it is signed with is."""
    found = one(
        'webhook = { url = "https://x.example/", secrets = [{ env = "SIGNING" }, '
        '{ env = "SIGNING" }] }',
        "connections = 2",
    )
    assert found.connections == 2
    assert [each.get_secret_value() for each in found.secrets] == [SIGNING, SIGNING]


def test_inside_our_network_http_will_do() -> None:
    """Where the file says that it is inside."""
    found = one(
        'webhook = { url = { env = "INNER" }, secrets = [{ env = "SIGNING" }] }',
        "allow_private = true",
    )
    assert found.url.get_secret_value() == ENVIRONMENT["INNER"]


def test_nothing_that_is_shown_has_a_secret_in_it() -> None:
    """However it gets into a log."""
    found = parse(
        '[destinations.a]\nslack = { url = { env = "CHAT" } }\n'
        '[destinations.b]\npagerduty = { routing_key = { env = "KEY" } }\n'
        "[destinations.c]\n"
        'webhook = { url = "https://x.example/", secrets = [{ env = "SIGNING" }] }'
    )
    shown = f"{found} {found!r}"
    assert not any(secret in shown for secret in (ENVIRONMENT["CHAT"], KEY, SIGNING))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("slack = 5", "2: destinations.here.slack: must be a table with keys of its own"),
        ("connections = 4", "1: destinations.here: has exactly one of slack, pagerduty"),
        (
            'slack = { url = "https://hooks.chat.example/T0/B0/secret" }',
            "2: destinations.here.slack.url: is a secret and must not stand here; write { env",
        ),
        (
            'pagerduty = { routing_key = "0123" }',
            "2: destinations.here.pagerduty.routing_key: is a secret and must not stand here",
        ),
        ("slack = { url = { path = '/x' } }", "2: destinations.here.slack.url: write { env"),
        ("slack = {}", "2: destinations.here.slack.url: is missing"),
        ('slack = { url = { env = "CHAT" }, chanel = "x" }', "slack.chanel: unknown key"),
        ('slack = { url = { env = "NOWHERE" } }', "slack.url: the environment has no NOWHERE"),
        ('slack = { url = { env = "EMPTY" } }', "slack.url: the environment has no EMPTY"),
        (
            'slack = { url = { file = "/nowhere" } }',
            "slack.url: /nowhere can't be read: FileNotFoundError",
        ),
        ('slack = { url = { env = "NONSENSE" } }', "slack.url: must begin with https:// and a"),
        ('slack = { url = { env = "INNER" } }', "slack.url: must begin with https:// and a host"),
        (
            'pagerduty = { routing_key = { env = "NONSENSE" } }',
            "pagerduty.routing_key: is no routing key: they have 32 letters and digits",
        ),
        (
            'webhook = { url = "https://x.example/", secrets = [{ env = "KEY" }] }',
            "webhook.secrets: a secret is whsec_ and 24 to 64 bytes in base64",
        ),
        ('webhook = { url = "https://x.example/", secrets = [] }', "webhook.secrets: "),
        (
            'webhook = { url = "https://me:pw@x.example/", secrets = [{ env = "SIGNING" }] }',
            "webhook.url: must have no name, password or fragment in it",
        ),
        (
            'webhook = { url = "https://ü.example/", secrets = [{ env = "SIGNING" }] }',
            "webhook.url: must be ASCII without spaces",
        ),
        (
            'webhook = { url = "https://x:99999/", secrets = [{ env = "SIGNING" }] }',
            "webhook.url: is no address",
        ),
        (
            'slack = { url = { env = "CHAT" } }\nconnections = 0',
            "3: destinations.here.connections: ",
        ),
        (
            'slack = { url = { env = "CHAT" } }\npagerduty = { routing_key = { env = "KEY" } }',
            "1: destinations.here: has exactly one of slack, pagerduty and webhook",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_without_the_secret(
    line: str, problem: str
) -> None:
    """As for the plan catalogue."""
    with pytest.raises(DestinationsError) as refused:
        one(line)
    assert problem in str(refused.value)
    assert str(refused.value).startswith("destinations.toml:")
    assert not any(
        value in str(refused.value) for name, value in ENVIRONMENT.items() if name != "EMPTY"
    )


@pytest.mark.parametrize("name", ["email", "Team", '"a@b"', '"a b"', '"-x"', f'"{"x" * 64}"'])
def test_a_destination_has_a_name_that_is_no_address(name: str) -> None:
    """The catalogue tells addresses and destinations apart by it."""
    with pytest.raises(DestinationsError, match="a name has up to 63 small letters"):
        parse(f'[destinations.{name}]\nslack = {{ url = {{ env = "CHAT" }} }}')


def test_a_file_that_is_no_toml_is_refused_with_its_line() -> None:
    """At the line where the parser gave up."""
    with pytest.raises(DestinationsError, match=r"destinations.toml:2: "):
        parse("[destinations.a]\nslack = {")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Whoever names one means it."""
    with pytest.raises(DestinationsError, match="can't be read"):
        load_destinations(tmp_path / "nowhere.toml", {})


def test_a_file_with_other_tables_is_refused() -> None:
    """A typing error would lose all destinations."""
    with pytest.raises(DestinationsError, match=r":1: destination: unknown key"):
        parse('[destination.a]\nslack = { url = { env = "CHAT" } }')
