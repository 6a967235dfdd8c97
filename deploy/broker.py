"""Which broker and which desk an operator's command is meant for."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local import presence
from deploy.local.desk import NAMESPACE, home_folder
from deploy.local.errors import DeskError
from shared.kafka_security import OPEN, KafkaSecurity
from shared.kafka_settings import KafkaSettings
from shared.settings import load_settings

DEFAULT_PARTITIONS, DEFAULT_REPLICATION = 12, 1


@dataclass(frozen=True, slots=True)
class Meant:
    """The desk that a command is about.

    Attributes:
        bootstrap_servers: `host:port`, comma separated.
        namespace: Stands before the names of its topics and groups.
        runs_here: Whether it is the desk that runs on this machine.
        security: How its brokers are spoken to.
    """

    bootstrap_servers: str
    namespace: str
    runs_here: bool = False
    security: KafkaSecurity = OPEN


def meant(environ: Mapping[str, str] = os.environ) -> Meant:
    """Take `CARELINE_KAFKA` and `CARELINE_NAMESPACE`, or the desk that runs on this machine.

    How its brokers are spoken to follows the same settings as for services: exit status 2 with a
    line for each that is wrong.

    Raises:
        DeskError: Neither is there.
    """
    namespace = environ.get("CARELINE_NAMESPACE")
    if servers := environ.get("CARELINE_KAFKA"):
        security = load_settings(KafkaSettings).brokers_security()
        return Meant(servers, namespace or NAMESPACE, security=security)
    found = presence.find(home_folder(environ))
    if found is None:
        raise DeskError(
            "No desk runs here. Start one (make run), or say where its Kafka is: "
            "CARELINE_KAFKA=host:port"
        )
    return Meant(found.addresses["kafka"], namespace or found.namespace, runs_here=True)


def number(environ: Mapping[str, str], name: str, default: int) -> int:
    """A whole number of the environment that is at least 1.

    Raises:
        DeskError: It is none.
    """
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise DeskError(f"{name} is {text!r}: it must be a whole number from 1.")
    return int(text)
