"""A Kafka that speaks TLS: with certificates of clients at one port, with a login at another."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.local import jars, kafka, ports
from tests.support.certificates import make_certificate
from tests.support.lone_broker import LoneBroker

USER, PASSWORD = "a-desk", "a, b = 'c'"
LISTENERS = """\
listeners=PLAINTEXT://127.0.0.1:{open},CONTROLLER://127.0.0.1:{controller},\
SSL://127.0.0.1:{tls},SASL_SSL://127.0.0.1:{login}
advertised.listeners=PLAINTEXT://127.0.0.1:{open},\
SSL://127.0.0.1:{tls},SASL_SSL://127.0.0.1:{login}
listener.security.protocol.map=\
CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location={server}
ssl.truststore.type=PEM
ssl.truststore.location={clients}
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
"""


@dataclass(frozen=True)
class SecuredBroker:
    """Where it listens, and what a client needs to get in."""

    open: str
    """Without TLS: for the test itself."""
    tls: str
    login: str
    authorities: Path
    """What its certificate holds by."""
    certificate: Path
    """That of a client."""
    key: Path

    def environment(self, listener: str) -> dict[str, str]:
        """The settings for the port `tls` or `login`."""
        common = {"CARELINE_KAFKA_AUTHORITIES": str(self.authorities)}
        if listener == "tls":
            return common | {
                "CARELINE_KAFKA": self.tls,
                "CARELINE_KAFKA_SECURITY": "SSL",
                "CARELINE_KAFKA_CERTIFICATE": str(self.certificate),
                "CARELINE_KAFKA_KEY": str(self.key),
            }
        return common | {
            "CARELINE_KAFKA": self.login,
            "CARELINE_KAFKA_SECURITY": "SASL_SSL",
            "CARELINE_KAFKA_USER": USER,
            "CARELINE_KAFKA_PASSWORD": PASSWORD,
        }


@contextmanager
def running_secured_broker() -> Iterator[SecuredBroker]:
    """Such a broker until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="careline-secured-") as name:
        folder, chosen = Path(name), ports.free_ports()
        authorities, server_key = make_certificate(folder, "broker")
        certificate, key = make_certificate(folder, "client")
        both = folder / "both.pem"
        both.write_bytes(server_key.read_bytes() + authorities.read_bytes())
        listeners = LISTENERS.format(
            open=chosen.kafka,
            controller=chosen.kafka_controller,
            # Ports that would be other parts' of a desk: nobody else takes them.
            tls=chosen.intake,
            login=chosen.sla,
            server=both,
            clients=certificate,
        )
        place = kafka.Broker(folder / "kafka", chosen.kafka, chosen.kafka_controller)
        lone = LoneBroker(
            replace(place, more_properties=listeners),
            asyncio.run(jars.ensure(lambda _: None, os.environ)),
        )
        try:
            asyncio.run(lone.start())
            _add_user(lone.bootstrap_servers)
            yield SecuredBroker(
                open=lone.bootstrap_servers,
                tls=f"127.0.0.1:{chosen.intake}",
                login=f"127.0.0.1:{chosen.sla}",
                authorities=authorities,
                certificate=certificate,
                key=key,
            )
        finally:
            lone.kill()


def _add_user(bootstrap_servers: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    strength = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    user = UserScramCredentialUpsertion(USER, strength, PASSWORD.encode())
    for done in admin.alter_user_scram_credentials([user]).values():
        done.result(30)
