"""What is wrong with an environment is told at once, by name, and without what was given."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.auditor.settings import AuditorSettings
from deploy.settings_docs.found import classes
from shared.kafka_settings import KafkaSettings
from shared.setting_problems import variable
from shared.setting_words import Kind
from shared.settings import SealingSettings, Settings, load_settings
from shared.wiring import ConsumerSettings
from tests.support.certificates import make_certificate

SECRET = "a-stream-secret-of-the-tests-that-is-long"
ADDRESS = "postgresql://sla:a-password@127.0.0.1/sla"


def refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: type[KafkaSettings],
    **told: str,
) -> list[str]:
    """The lines that a service ends with at start."""
    for name, value in told.items():
        monkeypatch.setenv(f"CARELINE_{name}", value)
    with pytest.raises(SystemExit) as ended:
        load_settings(kind)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("PARTITIONS", "many", "expected a whole number from 1 to 1000, got text that is none"),
        ("PARTITIONS", "0", "expected a whole number from 1 to 1000, got 0"),
        ("PARTITIONS", "1.5", "expected a whole number from 1 to 1000, got text that is none"),
        ("LOG_LEVEL", "LOUD", "expected one of DEBUG, INFO, WARNING, ERROR, got something else"),
        ("TRACE_RATIO", "half", "expected a number from 0 to 1, got text that is none"),
        ("KAFKA", "broker one", "expected host:port, several with commas between, got"),
        ("KAFKA_SECURITY", "TLS", "expected one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL, got"),
        ("SCHEMA_REGISTRY", "ftp://x", "expected a secret text: must be an address that begins"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    line: str,
) -> None:
    """Whoever reads it knows what to write instead."""
    (told,) = refused(monkeypatch, capsys, Settings, **{name: value})
    assert told.startswith(f"CARELINE_{name}: {line}")


def test_all_that_is_wrong_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody wants to start a service five times."""
    wrong = {"PARTITIONS": "many", "HTTP_PORT": "70000", "DATABASE_FILE": "/nowhere/at/all"}
    told = refused(monkeypatch, capsys, ConsumerSettings, **wrong)
    begins = ["CARELINE_DATABASE_FILE: ", "CARELINE_HTTP_PORT: ", "CARELINE_PARTITIONS: "]
    assert len(told) == 3
    assert all(line.startswith(begin) for line, begin in zip(told, begins, strict=True))


@pytest.mark.parametrize("service", sorted(classes()))
def test_nothing_that_was_given_is_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], service: str
) -> None:
    """It may be a password under the wrong name."""
    kind = classes()[service]
    assert issubclass(kind, KafkaSettings)
    told = {name.upper(): "hush" for name in kind.model_fields}
    lines = refused(monkeypatch, capsys, kind, **told)
    named = "\n".join(lines)
    secrets = [name for name, field in kind.model_fields.items() if Kind.of(field).is_secret]
    refused_secrets = [name for name in secrets if f"{variable(name)}: " in named]
    assert refused_secrets
    assert "hush" not in named


def test_a_name_that_nothing_reads_is_told_with_the_likeliest_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends nothing; what another service reads, and what a cluster adds, is not told."""
    for name in ("KAFAK", "SMTP_HOST", "INTAKE_SERVICE_HOST", "WHATEVER"):
        monkeypatch.setenv(f"CARELINE_{name}", "1")
    monkeypatch.setenv("CARELINE_SLA_PORT", "tcp://10.0.0.7:80")
    load_settings(Settings)
    near, far = capsys.readouterr().err.splitlines()
    assert near.startswith("CARELINE_KAFAK: ")
    assert near.endswith("; was CARELINE_KAFKA meant?")
    assert far == "CARELINE_WHATEVER: nothing of Careline reads it, and it is passed over"


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As mounted secrets do, with the end of a line behind it."""
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    monkeypatch.setenv("CARELINE_STREAM_SECRET_FILE", str(path))
    assert load_settings(SealingSettings).stream_secret == SecretStr(SECRET)


@pytest.mark.parametrize(
    ("held", "says"),
    [
        (b"", "got an empty one"),
        (b"\xff\xfe", "got something else than text"),
        (b"x" * 70_000, "got far too much"),
        (b"short", "characters"),
        (None, "it can't be read: No such file"),
    ],
)
def test_a_file_that_holds_no_secret_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    held: bytes | None,
    says: str,
) -> None:
    """Whatever is wrong with it."""
    path = tmp_path / "secret"
    if held is not None:
        path.write_bytes(held)
    (told,) = refused(monkeypatch, capsys, SealingSettings, STREAM_SECRET_FILE=str(path))
    assert told.startswith("CARELINE_STREAM_SECRET")
    assert says in told


def test_a_secret_given_twice_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody could know which one holds."""
    told = {"STREAM_SECRET": SECRET, "STREAM_SECRET_FILE": "/run/secrets/stream"}
    (line,) = refused(monkeypatch, capsys, SealingSettings, **told)
    assert line.startswith("CARELINE_STREAM_SECRET_FILE: expected nothing")


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"KAFKA_AUTHORITIES": "{chain}"}, "KAFKA_AUTHORITIES"),
        ({"KAFKA_SECURITY": "SSL", "KAFKA_AUTHORITIES": "{key}"}, "KAFKA_AUTHORITIES"),
        ({"KAFKA_SECURITY": "SSL", "KAFKA_AUTHORITIES": "/nowhere"}, "KAFKA_AUTHORITIES"),
        ({"KAFKA_SECURITY": "SSL", "KAFKA_CERTIFICATE": "{chain}"}, "KAFKA_KEY"),
        ({"KAFKA_SECURITY": "SSL", "KAFKA_KEY": "{key}"}, "KAFKA_KEY"),
        (
            {"KAFKA_SECURITY": "SSL", "KAFKA_CERTIFICATE": "{chain}", "KAFKA_KEY": "{other}"},
            "KAFKA_KEY",
        ),
        ({"KAFKA_SECURITY": "SASL_SSL", "KAFKA_USER": "sla"}, "KAFKA_PASSWORD"),
        ({"KAFKA_SECURITY": "SASL_PLAINTEXT", "KAFKA_PASSWORD": "x"}, "KAFKA_USER"),
        ({"KAFKA_PASSWORD": "x"}, "KAFKA_PASSWORD"),
    ],
)
def test_what_does_not_go_together_is_told_at_start(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    told: dict[str, str],
    name: str,
) -> None:
    """Not by a connection that never comes about."""
    chain, key = make_certificate(tmp_path)
    _, other = make_certificate(tmp_path, "other")
    paths = {"chain": str(chain), "key": str(key), "other": str(other)}
    given = {each: value.format(**paths) for each, value in told.items()}
    (line,) = refused(monkeypatch, capsys, Settings, **given)
    assert line.startswith(f"CARELINE_{name}: expected ")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?sslmode=always", "sslmode"),
        ("?sslmode=verify-full", "sslrootcert=/path"),
        ("?sslmode=verify-full&sslrootcert=/nowhere.pem", "in sslrootcert=/nowhere.pem"),
        ("?sslmode=require&sslcert=/nowhere.pem", "sslcert and sslkey together"),
        ("?sslmode=require&sslcert=/nowhere.pem&sslkey=/nowhere.key", "can't be read"),
    ],
)
def test_tls_for_the_database_is_looked_at_before_the_first_try(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], query: str, says: str
) -> None:
    """A file that is missing is told by its name; the password is not."""
    (line,) = refused(monkeypatch, capsys, ConsumerSettings, DATABASE=ADDRESS + query)
    assert line.startswith("CARELINE_DATABASE: expected ")
    assert says in line
    assert "a-password" not in line


@pytest.mark.parametrize(
    ("kind", "name"),
    [(ConsumerSettings, "DATABASE"), (AuditorSettings, "AUDIT_SLA")],
)
@pytest.mark.parametrize(
    "password", ["open#sesame", "open/sesame", "open?sesame", "open\u2100sesame"]
)
def test_a_password_that_cuts_its_address_in_two_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: type[KafkaSettings],
    name: str,
    password: str,
) -> None:
    """The driver would take its beginning for a port, and say so."""
    told = {name: f"postgresql://sla:{password}@127.0.0.1:5432/sla"}
    (line,) = refused(monkeypatch, capsys, kind, **told)
    assert line.startswith(f"CARELINE_{name}: expected postgresql://")
    assert "open" not in line


@pytest.mark.parametrize("hosts", ["a:1,b:2", "a,b:5432", "[::1]:5432", "[::1]", ""])
def test_a_database_may_have_several_hosts(monkeypatch: pytest.MonkeyPatch, hosts: str) -> None:
    """And addresses of either kind, as libpq takes them."""
    monkeypatch.setenv("CARELINE_DATABASE", f"postgresql://sla:a-password@{hosts}/sla")
    assert load_settings(ConsumerSettings).database.get_secret_value().endswith("/sla")
