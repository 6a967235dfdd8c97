"""Listing, showing and putting back dead letters."""

import getpass
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from deploy.broker import Meant
from deploy.dead import told
from deploy.local.errors import DeskError
from deploy.local.screen import Screen
from shared.dead_record import Letter
from shared.dead_register import CannotReplayError, DeadRegister, Matches, matching
from shared.dead_shown import as_json, content
from shared.publisher import Outgoing, Publisher

DONE, REFUSED = 0, 1
PUBLISH_WITHIN = 30.0
"""Seconds that one record may take."""
PROGRESS_EVERY = 1000
BATCH, BATCH_BYTES = 100, 4 * 1024 * 1024


class What(Enum):
    """What is to be done."""

    LIST = auto()
    SHOW = auto()
    REPLAY = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody said."""

    what: What
    service: str | None
    offset: int | None
    reason: str | None
    topic: str | None
    waiting: bool
    again: bool
    dry_run: bool
    json: bool

    @property
    def matches(self) -> Matches:
        """Which letters the filters leave."""
        return matching("waiting" if self.waiting else None, self.reason, self.topic)


@dataclass
class Counted:
    """What became of letters."""

    done: int = 0
    refused: int = 0
    already: int = 0


async def do(asked: Asked, desk: Meant, screen: Screen) -> int:
    """Do what was asked.

    Raises:
        DeskError: There is no such service or letter.
    """
    async with _publishing(desk) as publisher:
        register = DeadRegister(
            desk.bootstrap_servers, desk.namespace, "", publisher, desk.security
        )
        services = await register.services()
        if not services:
            raise DeskError(f"There is no topic of dead letters under {desk.namespace}.")
        if asked.service is not None and asked.service not in services:
            raise DeskError(f"No service {asked.service} has dead letters: {_listed(services)}")
        chosen = [asked.service] if asked.service is not None else services
        registers = [register.of(service) for service in chosen]
        if asked.offset is not None:
            return await _one(registers[0], asked.offset, asked, screen)
        if asked.what is What.LIST:
            return await _list(registers, asked, screen)
        return await _all_back(registers, asked, screen)


async def _one(register: DeadRegister, offset: int, asked: Asked, screen: Screen) -> int:
    letter = await register.find(offset)
    if letter is None:
        raise DeskError(f"{register.service} has no dead letter {offset}.")
    if asked.what is What.SHOW:
        _show(letter, asked, screen)
        return DONE
    counted = Counted()
    await _some_back(register, [letter], asked, screen, counted)
    return REFUSED if counted.refused else DONE


def _listed(services: Sequence[str]) -> str:
    return f"those that may are {', '.join(services)}."


@asynccontextmanager
async def _publishing(desk: Meant) -> AsyncIterator[Publisher]:
    publisher = Publisher(
        desk.bootstrap_servers,
        deadline=PUBLISH_WITHIN,
        client_id="careline-dead",
        security=desk.security,
    )
    await publisher.start()
    try:
        yield publisher
    finally:
        await publisher.stop()


async def _list(registers: Sequence[DeadRegister], asked: Asked, screen: Screen) -> int:
    waiting = replayed = 0
    for register in registers:
        async with aclosing(register.letters(matches=asked.matches)) as letters:
            async for letter in letters:
                waiting += letter.replayed is None
                replayed += letter.replayed is not None
                if asked.json:
                    _say_json(screen, as_json(letter))
                else:
                    told.line(letter, screen)
    if not asked.json:
        told.sum_up(waiting, replayed, screen)
    return DONE


def _show(letter: Letter, asked: Asked, screen: Screen) -> None:
    if asked.json:
        _say_json(screen, as_json(letter, whole=True))
    else:
        told.whole(letter, screen)


async def _all_back(registers: Sequence[DeadRegister], asked: Asked, screen: Screen) -> int:
    counted = Counted()
    for register in registers:
        async with aclosing(register.letters(matches=asked.matches)) as letters:
            async for batch in _batches(letters):
                before = counted.done
                await _some_back(register, batch, asked, screen, counted)
                if not asked.json and counted.done // PROGRESS_EVERY > before // PROGRESS_EVERY:
                    screen.say(f"  {counted.done:,} so far", "dim")
    if not asked.json:
        told.became(counted.done, counted.refused, counted.already, screen, dry=asked.dry_run)
    return REFUSED if counted.refused else DONE


async def _batches(letters: AsyncIterator[Letter]) -> AsyncIterator[list[Letter]]:
    """So many at a time, or so many bytes of them."""
    batch: list[Letter] = []
    async for letter in letters:
        batch.append(letter)
        if len(batch) == BATCH or sum(each.size for each in batch) >= BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


async def _some_back(
    register: DeadRegister,
    letters: Sequence[Letter],
    asked: Asked,
    screen: Screen,
    counted: Counted,
) -> None:
    """Put letters back, or say why not; `counted` is told."""
    wanted = [letter for letter in letters if asked.again or not letter.replayed]
    counted.already += len(letters) - len(wanted)
    if asked.offset is not None and not wanted:
        letter = letters[0]
        _say(screen, asked, letter, "replayed already", told.already(letter), None)
    for letter, became in await _became(register, wanted, asked):
        if isinstance(became, CannotReplayError):
            counted.refused += 1
            why = str(became)
            _say(screen, asked, letter, "refused", told.refused(letter, why), why)
            continue
        counted.done += 1
        outcome = "would be replayed" if asked.dry_run else "replayed"
        if asked.json or asked.dry_run or asked.offset is not None:
            words = told.put_back(letter, became, dry=asked.dry_run)
            _say(screen, asked, letter, outcome, words, None, became)


async def _became(
    register: DeadRegister, letters: Sequence[Letter], asked: Asked
) -> list[tuple[Letter, Outgoing | CannotReplayError]]:
    if not asked.dry_run:
        return await register.replay_many(letters, by=_operator())
    return [(letter, await register.prepared(letter)) for letter in letters]


def _say(
    screen: Screen,
    asked: Asked,
    letter: Letter,
    outcome: str,
    words: str,
    refusal: str | None,
    outgoing: Outgoing | None = None,
) -> None:
    if not asked.json:
        screen.say(words, "yellow" if refusal else "")
        return
    facts: dict[str, Any] = {"service": letter.service, "id": letter.offset, "outcome": outcome}
    if refusal is not None:
        facts["refusal"] = refusal
    if outgoing is not None:
        facts["topic"] = outgoing.topic
        facts["headers"] = {name: content(value) for name, value in outgoing.headers}
    _say_json(screen, facts)


def _say_json(screen: Screen, facts: dict[str, Any]) -> None:
    screen.say(json.dumps(facts))


def _operator() -> str:
    try:
        return f"operator {getpass.getuser()}"
    except (OSError, KeyError):  # this process belongs to nobody with a name
        return "operator"
