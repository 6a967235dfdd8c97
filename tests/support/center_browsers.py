"""Browsers of customers who have signed in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from playwright.async_api import Browser, BrowserContext

from tests.support.center_desk import OWNER, CenterDesk

Scheme = Literal["light", "dark"]


@asynccontextmanager
async def customer(
    browser: Browser,
    desk: CenterDesk,
    *,
    width: int = 1280,
    scheme: Scheme = "light",
    scripts: bool = True,
) -> AsyncIterator[BrowserContext]:
    """The browser of a customer who has signed in."""
    context = await browser.new_context(
        base_url=desk.url,
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        java_script_enabled=scripts,
        locale="en-GB",
    )
    value = (await desk.sign_in(OWNER))["careline"]
    await context.add_cookies([{"name": "careline", "value": value, "url": desk.url}])
    yield context
    await context.close()
