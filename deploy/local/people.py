"""People of a desk on one machine, ready to sign in: a customer of each plan, two agents, a lead.

Nobody of them exists. Each customer has an account of their own, which is on their plan from when
the desk was first started; whatever it was changed to since then stays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from deploy.local.errors import DeskError
from shared.identity import Role
from shared.plans import PLAN_IDS

DOMAIN = "careline.example"


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in."""

    subject: str
    """Stands on the provider's button, too."""
    name: str
    address: str
    role: Role
    account: str | None = None
    plan: str | None = None

    @property
    def claims(self) -> dict[str, Any]:
        """What the provider says of them."""
        said: dict[str, Any] = {
            "sub": self.subject,
            "name": self.name,
            "email": self.address,
            "email_verified": True,
            "roles": [self.role.value],
        }
        return said | ({"account": self.account} if self.account else {})


def _customer(plan: str) -> Person:
    account = f"acme-{plan}"
    return Person(
        subject=f"customer-{plan}",
        name=f"{plan.replace('-', ' ').title()} Customer",
        address=f"customer@{account}.example",
        role=Role.CUSTOMER,
        account=account,
        plan=plan,
    )


CUSTOMERS: Sequence[Person] = tuple(_customer(plan) for plan in PLAN_IDS)
STAFF: Sequence[Person] = (
    Person("agent-one", "Agent One", f"agent.one@{DOMAIN}", Role.AGENT),
    Person("agent-two", "Agent Two", f"agent.two@{DOMAIN}", Role.AGENT),
    Person("lead", "Lead", f"lead@{DOMAIN}", Role.LEAD),
)
PEOPLE: Sequence[Person] = (*CUSTOMERS, *STAFF)


async def place(sla: str, token: str) -> None:
    """Put the customers' accounts onto their plans, those that sla does not know yet.

    Args:
        sla: Where it answers.
        token: Of an administrator.

    Raises:
        DeskError: it does not take them.
    """
    headers = {"Authorization": f"Bearer {token}"}
    # Proxies of the environment are for the world outside.
    async with httpx.AsyncClient(trust_env=False, timeout=10, headers=headers) as client:
        try:
            for person in CUSTOMERS:
                account = f"{sla}/v1/accounts/{person.account}"
                if (await client.get(account)).status_code == httpx.codes.NOT_FOUND:
                    answer = await client.put(f"{account}/plan", json={"plan": person.plan})
                    answer.raise_for_status()
        except httpx.HTTPError as error:
            raise DeskError(f"sla did not take the customers' accounts: {error}") from error


def listed() -> Iterator[tuple[str, str]]:
    """The people, as the provider's page names them, and what each is there for."""
    yield ", ".join(person.subject for person in CUSTOMERS), "one account for each plan"
    yield ", ".join(person.subject for person in STAFF), "the desk's own"
