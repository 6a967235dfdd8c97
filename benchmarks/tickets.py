"""Customers who write, and agents who answer, at a steady rate."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence

import httpx

from shared.plans import PLAN_IDS
from tests.support.desk import Desk
from tests.support.waiting import until

Doing = Callable[[httpx.AsyncClient, int], Coroutine[None, None, None]]


class Load:
    """Whoever writes to the desk: each ticket is somebody else's, and answered once."""

    def __init__(self, desk: Desk, rate: int) -> None:
        self._desk = desk
        self._rate = rate
        self._tickets: list[str] = []
        self._unanswered: list[str] = []

    async def begin(self) -> None:
        """Put an account onto each plan."""
        headers = self._desk.bearer("admin")
        async with httpx.AsyncClient(timeout=30) as client:
            for plan in PLAN_IDS:
                url = f"{self._desk.url('sla')}/v1/accounts/of-{plan}/plan"
                (await client.put(url, json={"plan": plan}, headers=headers)).raise_for_status()

    async def open(self, count: int) -> None:
        """Send requests at the rate, and wait until each has its acknowledgement."""
        first = len(self._tickets)

        async def request(client: httpx.AsyncClient, number: int) -> None:
            answer = await _posted(
                client,
                f"{self._desk.url('intake')}/v1/tickets",
                {"Idempotency-Key": f"ticket-{number}"},
                {
                    "account": f"of-{PLAN_IDS[number % len(PLAN_IDS)]}",
                    "requester": {
                        "name": "A Customer",
                        # Each at a domain of its own: acknowledgements to one domain are limited.
                        "address": f"customer@company-{number}.example",
                    },
                    "subject": "The report is empty",
                    "text": "Since this morning the weekly report has no rows. " * 8,
                    "time_zone": "Europe/Berlin",
                },
            )
            self._tickets.append(answer.json()["ticket"])
            self._unanswered.append(answer.json()["ticket"])

        mails = len(self._desk.mailbox.mails)
        await self._at_the_rate(request, range(first, first + count))
        await self._mailed(mails + count)

    async def answer(self, count: int) -> None:
        """Let an agent answer tickets at the rate, and wait until each answer was mailed."""
        chosen, self._unanswered = self._unanswered[:count], self._unanswered[count:]

        async def write(client: httpx.AsyncClient, number: int) -> None:
            await _posted(
                client,
                f"{self._desk.url('messaging')}/v1/tickets/{chosen[number]}/messages",
                self._desk.bearer("agent") | {"Idempotency-Key": f"answer-{chosen[number]}"},
                {"text": "We found it: the nightly import had stopped. " * 5},
            )

        mails = len(self._desk.mailbox.mails)
        await self._at_the_rate(write, range(len(chosen)))
        await self._mailed(mails + count)

    async def _at_the_rate(
        self,
        do: Callable[[httpx.AsyncClient, int], Coroutine[None, None, None]],
        numbers: Sequence[int],
    ) -> None:
        clock = asyncio.get_running_loop().time
        begun = clock()
        async with httpx.AsyncClient(timeout=30) as client, asyncio.TaskGroup() as group:
            for place, number in enumerate(numbers):
                await asyncio.sleep(begun + place / self._rate - clock())
                group.create_task(do(client, number))

    async def _mailed(self, count: int) -> None:
        mailbox = self._desk.mailbox
        await until(lambda: len(mailbox.mails) >= count, within=120, what="all mails are there")


async def _posted(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], body: Mapping[str, object]
) -> httpx.Response:
    """Ask again where the desk has no time now: the cost is what is wanted, not the rate."""
    while True:
        answer = await client.post(url, json=body, headers=headers)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            answer.raise_for_status()
            return answer
        await asyncio.sleep(1)
