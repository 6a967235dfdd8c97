"""Giving topics the settings that are declared. Partitions are never touched here."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.local.errors import DeskError
from deploy.local.readiness import wait_until
from deploy.local.screen import Screen
from deploy.topics.standing import RETENTION, Standing, readable
from shared.topic_survey import PARTITIONS, Difference, survey

DONE, LEFT = 0, 1
TAKEN_WITHIN = 10
"""Seconds until every broker tells the new settings."""
CLEANUP = "cleanup.policy"
BEYOND = (PARTITIONS, "replication", "a topic")
"""What no setting mends."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody said."""

    yes: bool
    may_lose: bool


async def repair(
    admin: AIOKafkaAdminClient, topics: Sequence[Standing], asked: Asked, screen: Screen
) -> int:
    """Show what would be mended; mend it when told to.

    Returns 1 when something is left that differs.

    Raises:
        DeskError: The broker refuses a setting.
    """
    left = 0
    for each in topics:
        mended, not_mended = _split(each.differences, may_lose=asked.may_lose)
        for one in mended:
            screen.say(
                f"{'Mending' if asked.yes else 'Would mend'} {one.topic}: {one.what} from "
                f"{readable(one.what, one.found or '')} to {readable(one.what, one.declared)}"
            )
        for one, why in not_mended:
            screen.say(f"Leaving {one.topic}: {one.what} is {one.found}. {why}", "yellow")
        if asked.yes and mended and each.found is not None:
            await _alter(admin, each, {one.what: one.declared for one in mended})
        left += len(not_mended) + (0 if asked.yes else len(mended))
    if not asked.yes and left:
        screen.say("Nothing was changed. To do it: make topics ARGS='--repair --yes'")
    elif not left:
        screen.say("All topics are as declared.", "green")
    return LEFT if left else DONE


def _split(
    told: Sequence[Difference], *, may_lose: bool
) -> tuple[list[Difference], list[tuple[Difference, str]]]:
    """What a setting mends, and what it doesn't, with the reason."""
    reasons = [(one, _reason_against(one, may_lose=may_lose)) for one in told]
    mended = [one for one, why in reasons if why is None]
    return mended, [(one, why) for one, why in reasons if why is not None]


def _reason_against(one: Difference, *, may_lose: bool) -> str | None:
    if one.what == PARTITIONS:
        return "How it is done in order per ticket: docs/runbooks/add-partitions.md"
    if one.what in BEYOND:
        return "Services make topics when they start; copies are a matter of the cluster."
    if loses(one) and not may_lose:
        return "The broker would delete records then: add --even-if-records-go if you mean it."
    return None


def loses(one: Difference) -> bool:
    """Whether the broker deletes records that it keeps now."""
    if one.what == CLEANUP:
        return True
    if one.what != RETENTION:
        return False
    found, declared = int(one.found or -1), int(one.declared)
    return declared >= 0 and (found < 0 or declared < found)


async def _alter(admin: AIOKafkaAdminClient, each: Standing, settings: dict[str, str]) -> None:
    assert each.found is not None  # noqa: S101 - asked by the caller
    name = each.declared.name
    # The request replaces all that was set on the topic: what is not among them would go back to
    # the broker's defaults.
    whole = {**each.found.own, **settings}
    answers = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, whole)])
    for answer in answers:
        for code, message, *_ in answer.resources:
            if code:
                raise DeskError(f"The broker refuses to change {name}: {message}")

    async def taken() -> bool:
        now = (await survey(admin, [name]))[name].own
        return all(now.get(key) == value for key, value in whole.items())

    await wait_until(taken, TAKEN_WITHIN, f"{name} did not take its settings. Look at it again.")
