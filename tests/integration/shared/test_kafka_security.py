"""A Kafka with TLS and logins: every client of ours gets in, and who is refused says why."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.analytics.security import security_from
from deploy.analytics.stream import Stream as AnalyticsStream
from shared.dead_register import DeadRegister
from shared.envelope import Topic
from shared.faults import AwayError
from shared.kafka_security import KafkaSecurity, refusal
from shared.kafka_settings import KafkaSettings
from shared.publisher import Publisher
from shared.topic_survey import ends
from tests.support.certificates import make_certificate
from tests.support.desk import ROOT, Desk, running_desk
from tests.support.secured_broker import SecuredBroker, running_secured_broker
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)  # two services and two commands start

CUSTOMER = "customer@customer.example"
TICKET = {"requester": {"address": CUSTOMER}, "subject": "It does not work", "text": "Help!"}


@pytest.fixture(scope="module")
def broker() -> Iterator[SecuredBroker]:
    """One for all tests of this file, which change nothing of it."""
    with running_secured_broker() as running:
        yield running


def security(
    broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch, listener: str = "login", **other: str
) -> KafkaSecurity:
    """As the settings give it, with `other` on top of good ones."""
    for name, value in (broker.environment(listener) | other).items():
        monkeypatch.setenv(name, value)
    return KafkaSettings().brokers_security()


def test_services_and_commands_get_in_by_certificate_and_by_login(
    broker: SecuredBroker, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ticket comes in by the one port and is acknowledged by way of the other."""
    with running_desk(Stack(broker.open, stack.postgres_admin_dsn), tmp_path) as desk:
        desk.start("intake", **broker.environment("tls"))
        desk.start("notifier", CARELINE_PATIENCE="0", **broker.environment("login"))
        asyncio.run(desk.ready("intake", "notifier"))
        answer = httpx.post(f"{desk.url('intake')}/v1/tickets", json=TICKET)
        assert answer.status_code == httpx.codes.ACCEPTED
        asyncio.run(
            until(lambda: bool(desk.mailbox.to(CUSTOMER)), within=60, what="it is acknowledged")
        )
        asyncio.run(_look(broker, desk, security(broker, monkeypatch)))
        assert f"{desk.namespace}.tickets" in _command(broker, desk, "deploy.topics")
        assert "No dead letters" in _command(broker, desk, "deploy.dead")
        stream = AnalyticsStream(broker.login, desk.namespace, security_from(os.environ))
        assert sum(extent.end for extent in stream.extents()) > 0
        stream.close()


async def _look(broker: SecuredBroker, desk: Desk, login: KafkaSecurity) -> None:
    publisher = Publisher(broker.login, deadline=10, client_id="test", security=login)
    register = DeadRegister(broker.login, desk.namespace, "notifier", publisher, login)
    assert await register.services() == ["notifier"]
    assert (await register.page()).letters == ()
    tickets = f"{desk.namespace}.{Topic.TICKETS}"
    held = await ends(broker.login, {tickets: 4}, login)
    assert sum(len(offsets) for offsets in held.values()) == 1


def _command(broker: SecuredBroker, desk: Desk, module: str) -> str:
    """What it says; on its way it must not have stumbled."""
    environment = broker.environment("login") | {
        "CARELINE_NAMESPACE": desk.namespace,
        "CARELINE_PARTITIONS": "4",
    }
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("listener", "other", "says"),
    [
        ("login", {"CARELINE_KAFKA_PASSWORD": "wrong"}, "refuses our user or password"),
        ("login", {"CARELINE_KAFKA_USER": "nobody"}, "refuses our user or password"),
        ("login", {"CARELINE_KAFKA_MECHANISM": "PLAIN"}, "does not offer our way to log in"),
        ("login", {"CARELINE_KAFKA_SECURITY": "SASL_PLAINTEXT"}, "hangs up"),
        ("tls", {"CARELINE_KAFKA_CERTIFICATE": "", "CARELINE_KAFKA_KEY": ""}, "the broker "),
    ],
)
async def test_a_broker_that_refuses_us_is_told_from_one_that_is_away(
    broker: SecuredBroker,
    monkeypatch: pytest.MonkeyPatch,
    listener: str,
    other: dict[str, str],
    says: str,
) -> None:
    """The words say what is to be mended, and repeat neither user nor password."""
    if other.get("CARELINE_KAFKA_SECURITY") == "SASL_PLAINTEXT":
        other = other | {"CARELINE_KAFKA_AUTHORITIES": ""}
    wrong = security(broker, monkeypatch, listener, **other)
    servers = broker.tls if listener == "tls" else broker.login
    why = await refusal(servers, wrong)
    assert why is not None
    assert says in why


async def test_a_broker_without_tls_is_told_of(
    broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where TLS was asked for, nothing goes over a line that has none."""
    why = await refusal(broker.open, security(broker, monkeypatch, "tls"))
    assert why is not None
    assert why.startswith(("the broker and we agree on no TLS", "the broker hangs up"))


async def test_a_name_that_the_certificate_does_not_have_is_refused(
    broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever has any certificate of the same authority is still not the broker."""
    port = broker.login.rpartition(":")[2]
    why = await refusal(f"127.0.0.2:{port}", security(broker, monkeypatch))
    assert why is None  # nobody listens there: that is away, not refused
    other, _ = make_certificate(tmp_path, "other", by_address=False)
    wrong = security(broker, monkeypatch, CARELINE_KAFKA_AUTHORITIES=str(other))
    why = await refusal(broker.login, wrong)
    assert why is not None
    assert "certificate is not trusted" in why


async def test_who_lost_the_right_password_says_so_where_it_is_looked_for(
    broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A publisher that is refused raises with the reason, and does not try in silence."""
    wrong = security(broker, monkeypatch, CARELINE_KAFKA_PASSWORD="wrong")
    publisher = Publisher(broker.login, deadline=2, client_id="test", security=wrong)
    with pytest.raises(AwayError, match="refuses our user or password"):
        await publisher.start()


def test_readiness_names_a_certificate_that_is_not_trusted(
    broker: SecuredBroker, stack: Stack, tmp_path: Path
) -> None:
    """The service lives on, and would get in as soon as the broker shows another one."""
    other, _ = make_certificate(tmp_path, "other")
    with running_desk(Stack(broker.open, stack.postgres_admin_dsn), tmp_path) as desk:
        environment = broker.environment("login") | {"CARELINE_KAFKA_AUTHORITIES": str(other)}
        desk.start("intake", **environment)
        asyncio.run(
            until(lambda: "not trusted" in _topics(desk), within=30, what="readiness says why")
        )
        assert _topics(desk).startswith("the broker's certificate is not trusted")


def _topics(desk: Desk) -> str:
    try:
        told = httpx.get(f"{desk.url('intake')}/health/ready").json()
        return str(told["parts"]["topics"])
    except httpx.TransportError:
        return ""
