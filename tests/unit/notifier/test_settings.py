"""What notifier is told by its environment, and how it says what is wrong with it."""

import pytest

from services.notifier.letters.brand import Link
from services.notifier.settings import NotifierSettings
from shared.settings import load_settings

NEEDED = {
    "CARELINE_DATABASE": "postgresql://notifier:x@127.0.0.1/notifier",
    "CARELINE_MAIL_SECRET": "a-secret-of-the-tests",
    "CARELINE_STREAM_SECRET": "a-stream-secret-of-the-tests-that-is-long",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be left out."""
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_the_rest_may_be_left_out() -> None:
    """A desk on one machine needs nothing more; no secret is shown."""
    settings = load_settings(NotifierSettings)
    assert settings.reply_mailbox == "support@careline.example"
    assert settings.destinations is None
    assert NEEDED["CARELINE_MAIL_SECRET"] not in repr(settings)


def test_the_brand_has_links_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Written as JSON."""
    monkeypatch.setenv("CARELINE_BRAND_LINKS", '{"Imprint": "https://company.example/imprint"}')
    look = load_settings(NotifierSettings).look()
    assert look.links == (Link("Imprint", "https://company.example/imprint"),)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("MAIL_SECRET", "short", "CARELINE_MAIL_SECRET: "),
        ("REPLY_MAILBOX", "customer-service@company.example", "can't take replies"),
        ("REPLY_MAILBOX", "nobody", "CARELINE_REPLY_MAILBOX: "),
        ("BRAND_LINKS", "Imprint=https://company.example", "CARELINE_BRAND_LINKS: "),
        ("OPERATORS", "https://deliveries.example/", "CARELINE_OPERATORS: "),
        ("HOLD", "5", "CARELINE_HOLD: "),
        ("ALERTS_PER_MINUTE", "0", "CARELINE_ALERTS_PER_MINUTE: "),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    problem: str,
) -> None:
    """Exit status 2, with the variable and the reason."""
    monkeypatch.setenv(f"CARELINE_{name}", value)
    with pytest.raises(SystemExit) as exit_:
        load_settings(NotifierSettings)
    assert exit_.value.code == 2
    assert problem in capsys.readouterr().err


def test_without_its_mail_secret_it_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reply addresses that anyone can make would let strangers into threads."""
    monkeypatch.delenv("CARELINE_MAIL_SECRET")
    with pytest.raises(SystemExit):
        load_settings(NotifierSettings)
    assert (
        "CARELINE_MAIL_SECRET: expected a secret text of 16 characters or more, got nothing"
        in capsys.readouterr().err
    )
