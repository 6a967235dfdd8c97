"""The demonstration: a ticket for each plan through real services, and every promise checked.

Some tickets are answered within their targets, others are left alone so that they run out. What
then happened is read from independent witnesses and held against what was promised.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from aiokafka.errors import KafkaError

from deploy.local import keys, letters, promises, witnesses
from deploy.local.desk import together
from deploy.local.errors import DeskError
from deploy.local.history import Case, History, Sent
from deploy.local.presence import Presence
from deploy.local.screen import Screen
from deploy.local.tail import tail
from deploy.local.witnesses import TICKETS_PATH, MailSink, Stream
from shared import plans
from shared.identity import Role
from shared.plans import PLAN_IDS, Catalogue

ANSWERED = ("self-service", "centurion", "advanced", "starter")
WRITES_BACK = ("starter",)
"""Whose customers answer the mail that brings the agent's answer."""
ANSWERED_AT_RISK = ("advanced",)
"""Answered only once it is at risk, to show that a warning is no breach."""
LATE_ENOUGH = 0.75
"""The part of its target after which a ticket is answered, whatever has not come by then."""
TOKEN_SECONDS = 600
THREAD_WITHIN = 20.0
"""Seconds in which a thread has to be there."""
LATEST = timedelta(seconds=20)
"""How long after the last due time what is still missing is waited for."""
QUIET = timedelta(seconds=2)
"""How long is listened, after all has come, for what should not come."""
LOOK_SECONDS = 0.25
SUBJECT = "The weekly report is empty"
TEXT = "Since this morning the weekly report has no rows. It had them yesterday. (Plan: {plan})"
REPLY = "Thank you, I see all rows again."
ANSWER = "We found it: the nightly import had stopped. The report is complete again."


@dataclass(frozen=True)
class Run:
    """One demonstration on one desk.

    Attributes:
        name: Fresh for each run; stands in its accounts and addresses.
    """

    name: str
    addresses: Mapping[str, str]
    client: httpx.AsyncClient
    catalogue: Catalogue
    admin: str
    agent: str

    def account(self, plan: str) -> str:
        """The account that is put onto a plan."""
        return f"demo-{self.name}-{plan}"


async def play(desk: Presence, home: Path, catalogue: Catalogue, screen: Screen) -> History:
    """Go through the demonstration and return what was seen.

    Raises:
        DeskError: The desk would not go along: no directory, no intake, no mail sink.
    """
    try:
        async with (
            _run(desk, home, catalogue) as run,
            tail(desk.addresses["kafka"], desk.namespace) as consumer,
        ):
            sink = MailSink(run.client, desk.addresses["mail"])
            await sink.begin()
            return await _play(run, Stream(consumer), sink, screen)
    except (httpx.HTTPError, KafkaError) as error:
        raise DeskError(f"The desk does not answer as it should: {_reason(error)}") from error


@contextlib.asynccontextmanager
async def _run(desk: Presence, home: Path, catalogue: Catalogue) -> AsyncIterator[Run]:
    own, name = keys.load(home), secrets.token_hex(3)
    tokens = {
        role: own.mint(role, None, f"demo-{role}", TOKEN_SECONDS)
        for role in (Role.ADMIN, Role.AGENT)
    }
    # Proxies of the environment are for the world outside.
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        yield Run(name, desk.addresses, client, catalogue, tokens[Role.ADMIN], tokens[Role.AGENT])


async def _play(run: Run, stream: Stream, sink: MailSink, screen: Screen) -> History:
    screen.say("Putting six accounts onto the six plans, and sending a ticket from each.")
    for plan in PLAN_IDS:
        await _put_plan(run, plan)
    sent = {plan: await _send(run, plan) for plan in PLAN_IDS}
    screen.say(
        "An agent answers " + _listed(ANSWERED) + "; nobody answers "
        + _listed(plan for plan in PLAN_IDS if plan not in ANSWERED) + "."
    )  # fmt: skip
    with screen.waiting() as tell:
        answering = asyncio.gather(*(_answer(run, sent, plan) for plan in ANSWERED))
        try:
            await _wait(run, sent, stream, sink, tell)
            await answering
        finally:
            answering.cancel()
    await together(stream.catch_up(), sink.catch_up())
    cases = [await _case(run, stream, sink, each) for each in sent.values()]
    subjects = {each.ticket for each in sent.values()} | {run.account(plan) for plan in PLAN_IDS}
    violations = await witnesses.read_violations(run.client, run.addresses["auditor"])
    return History(tuple(cases), stream.dead(subjects), violations)


async def _put_plan(run: Run, plan: str) -> None:
    answer = await run.client.put(
        f"{run.addresses['sla']}/v1/accounts/{run.account(plan)}/plan",
        json={"plan": plan},
        headers={"Authorization": f"Bearer {run.admin}"},
    )
    answer.raise_for_status()


async def _send(run: Run, plan: str) -> Sent:
    account = run.account(plan)
    address, text = f"{account}@customer.example", TEXT.format(plan=plan)
    answer = await run.client.post(
        f"{run.addresses['intake']}/v1/tickets",
        json={
            "requester": {"address": address},
            "account": account,
            "subject": SUBJECT,
            "text": text,
            "channel": "web",
        },
        headers={"Idempotency-Key": account},
    )
    taken = answer.json() if answer.status_code == httpx.codes.ACCEPTED else {}
    return Sent(
        plan=plan,
        account=account,
        address=address,
        text=text,
        status=answer.status_code,
        ticket=taken.get("ticket", ""),
        number=taken.get("number", ""),
        seconds=answer.elapsed.total_seconds(),
        answer=ANSWER if plan in ANSWERED else None,
        reply=REPLY if plan in WRITES_BACK else None,
    )


async def _answer(run: Run, sent: dict[str, Sent], plan: str) -> None:
    """Answer as an agent would; where there is no thread to answer in, the checks will say so."""
    ticket = sent[plan].ticket
    if not await _becomes(run, ticket, lambda _: True, THREAD_WITHIN):
        return
    promised = promises.target(plans.plan(run.catalogue, plan))
    seconds = promised.total_seconds() * LATE_ENOUGH if promised else THREAD_WITHIN
    turn = _is_at_risk if plan in ANSWERED_AT_RISK else _is_acknowledged
    await _becomes(run, ticket, turn, seconds)
    answer = await run.client.post(
        f"{run.addresses['messaging']}{TICKETS_PATH}{ticket}/messages",
        json={"text": ANSWER},
        headers={"Authorization": f"Bearer {run.agent}", "Idempotency-Key": run.name},
    )
    sent[plan] = replace(sent[plan], answer_status=answer.status_code)


async def _becomes(
    run: Run, ticket: str, condition: Callable[[dict[str, Any]], bool], seconds: float
) -> bool:
    """Look at a thread until it is as wished. Returns False if it is not within the time."""
    until = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < until:
        thread = await _thread(run, ticket)
        if thread is not None and condition(thread):
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False


def _is_acknowledged(thread: dict[str, Any]) -> bool:
    return thread["acknowledged_at"] is not None


def _is_at_risk(thread: dict[str, Any]) -> bool:
    return any(clock["state"] != "running" for clock in thread["clocks"])


async def _wait(
    run: Run, sent: dict[str, Sent], stream: Stream, sink: MailSink, tell: Callable[[str], None]
) -> None:
    """Wait until all that must come has come and every target is over, then a little longer."""
    targets = [promises.target(plan) or timedelta(0) for plan in run.catalogue.plans]
    over = datetime.now(UTC) + max(targets)
    while datetime.now(UTC) < over + LATEST:
        await together(stream.catch_up(), sink.catch_up())
        cases = [witnesses.case(stream, sink, each, None) for each in sent.values()]
        for case in cases:
            await _write_back(run, sent, case)
        missing = promises.missing(cases, run.catalogue)
        left = max(0.0, (over + QUIET - datetime.now(UTC)).total_seconds())
        if not missing and not left:
            return
        tell(_waiting_for(missing, over))
        await asyncio.sleep(LOOK_SECONDS)


async def _write_back(run: Run, sent: dict[str, Sent], case: Case) -> None:
    """Answer by mail as a customer would, once the agent's answer has come."""
    ours = case.sent
    if ours.reply is None or ours.reply_status is not None or not case.answers:
        return
    mail = letters.answer_to(case.answers[0], ours.address, ours.reply)
    status = await letters.hand_over(mail, run.addresses["mail_in"])
    sent[ours.plan] = replace(sent[ours.plan], reply_status=status)


def _waiting_for(missing: list[str], over: datetime) -> str:
    until = (over + (LATEST if missing else QUIET)).astimezone().strftime("%H:%M:%S")
    if not missing:
        return f"Listening until {until} for anything that should not come."
    return f"Waiting for {_listed(missing)}, until {until} at the latest."


async def _case(run: Run, stream: Stream, sink: MailSink, sent: Sent) -> Case:
    return witnesses.case(stream, sink, sent, await _thread(run, sent.ticket))


async def _thread(run: Run, ticket: str) -> dict[str, Any] | None:
    if not ticket:
        return None
    return await witnesses.read_thread(run.client, run.addresses["messaging"], ticket, run.agent)


def _listed(names: Iterable[str]) -> str:
    """Words with commas, and an `and` before the last."""
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last


def _reason(error: httpx.HTTPError | KafkaError) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        request, answer = error.request, error.response
        return f"{request.method} {request.url} got {answer.status_code}: {answer.text[:500]}"
    return f"{type(error).__name__} {error}".strip()
