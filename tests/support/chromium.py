"""A real browser, where the machine has one."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

from deploy.mail_preview.pictures import find_browser


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """A browser until the end of the block; without one on the machine the test is skipped."""
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium on this machine: `apt install chromium`")
    # Its own sandbox doesn't run as root, which is who runs tests in containers.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()
