"""`python -m deploy.topics`: every topic as declared and as found; mends settings, adds partitions.

Exit status 0 when all is as declared, 1 when something differs or was refused, 2 for wrong use.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.broker import DEFAULT_PARTITIONS, DEFAULT_REPLICATION, Meant, meant, number
from deploy.local import presence
from deploy.local.errors import DeskError, StopRequestedError
from deploy.local.screen import Screen
from deploy.local.supervisor import Supervisor
from deploy.topics import at_rest, growing, repairing, standing
from shared.faults import AwayError
from shared.kafka_security import reaching

AS_DECLARED, DIFFERS, INTERRUPTED = 0, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked and return the exit status."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    given = _parser().parse_args(arguments)
    try:
        return _begin(given, Screen())
    except DeskError as error:
        print(error, file=sys.stderr)
        return DIFFERS
    except AwayError as error:
        print(f"Nothing was done: {error}.", file=sys.stderr)
        return DIFFERS
    except KafkaError as error:
        print(f"The broker did not answer as it should: {type(error).__name__}.", file=sys.stderr)
        return DIFFERS
    except (KeyboardInterrupt, StopRequestedError):
        return INTERRUPTED


def _begin(given: argparse.Namespace, screen: Screen) -> int:
    """Find the broker; for more partitions that of a desk which rests here, too."""
    home = at_rest.resting(os.environ)
    if given.partitions is None or home is None or presence.find(home) is not None:
        return asyncio.run(_do(given, meant(), screen))
    # Whoever has its folder knows that nothing of the desk runs, intake neither.
    given.intake_is_stopped = True
    with Supervisor(home, screen.say) as entered:
        screen.say("The desk rests: its Kafka is started for this alone.", "dim")
        work = at_rest.with_kafka(entered, home, screen, lambda desk: _do(given, desk, screen))
        return asyncio.run(entered.guard(work))


async def _do(given: argparse.Namespace, desk: Meant, screen: Screen) -> int:
    partitions = number(os.environ, "CARELINE_PARTITIONS", DEFAULT_PARTITIONS)
    replication = number(os.environ, "CARELINE_REPLICATION", DEFAULT_REPLICATION)
    declared = standing.declared(desk.namespace, partitions)
    servers, security = desk.bootstrap_servers, desk.security
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, **security.for_aiokafka())
    try:
        async with reaching(servers, security):
            await admin.start()
        if given.partitions is not None:
            asked = growing.Asked(given.partitions, given.intake_is_stopped, given.yes)
            return await growing.grow(admin, desk, asked, screen)
        found = await standing.of(admin, desk, declared, replication)
        if given.repair:
            asked_to = repairing.Asked(yes=given.yes, may_lose=given.even_if_records_go)
            return await repairing.repair(admin, found, asked_to, screen)
    finally:
        await admin.close()
    if given.json:
        screen.say(json.dumps(standing.as_json(found), indent=2))
    else:
        standing.show(found, screen)
    return DIFFERS if any(each.differences for each in found) else AS_DECLARED


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m deploy.topics",
        description="Every topic as it is declared and as it is. Changes nothing unless told to.",
        epilog="Which broker: CARELINE_KAFKA and CARELINE_NAMESPACE, or else the desk that runs "
        "here. What is declared follows CARELINE_PARTITIONS and CARELINE_REPLICATION.",
        allow_abbrev=False,
    )
    what = top.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="the table as JSON")
    what.add_argument(
        "--repair", action="store_true", help="show which settings would be mended; --yes does it"
    )
    what.add_argument(
        "--partitions",
        type=int,
        metavar="N",
        help="show what giving the topics of tickets N partitions would do; --yes does it "
        "(docs/runbooks/add-partitions.md)",
    )
    top.add_argument("--yes", action="store_true", help="do it")
    top.add_argument(
        "--even-if-records-go",
        action="store_true",
        help="with --repair: mend settings, too, by which the broker deletes records",
    )
    top.add_argument(
        "--intake-is-stopped",
        action="store_true",
        help="with --partitions: your word for what no broker can see while nobody writes",
    )
    return top


if __name__ == "__main__":
    sys.exit(main())
