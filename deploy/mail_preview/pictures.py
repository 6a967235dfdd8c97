"""Pictures of mails, taken by a real browser at the widths of a desktop and of a phone."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from deploy.mail_preview.previews import Preview

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a mail."""

    name: str
    width: int
    """In CSS pixels."""
    scheme: Literal["light", "dark"]


VIEWS = (
    View("desktop-light", 700, "light"),
    View("desktop-dark", 700, "dark"),
    View("phone-light", 390, "light"),
    View("phone-dark", 390, "dark"),
)


def find_browser() -> str | None:
    """The first browser on the path that can take pictures."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


@contextmanager
def running_browser(executable: str) -> Iterator[Browser]:
    """A browser without a window; it ends with the block."""
    # Chromium's sandbox can't be set up by root, as whom builds often run; it opens our pages only.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def take(browser: Browser, mails: list[Preview], folder: Path) -> int:
    """Take a picture of each mail in each view; says how many there are."""
    for view in VIEWS:
        context = browser.new_context(
            viewport={"width": view.width, "height": 800}, color_scheme=view.scheme
        )
        page = context.new_page()
        for mail in mails:
            page.goto((folder / f"{mail.stem}.html").as_uri())
            page.screenshot(path=folder / picture(mail, view), full_page=True)
        context.close()
    return len(VIEWS) * len(mails)


def picture(mail: Preview, view: View) -> str:
    """The name of its file."""
    return f"{mail.stem}.{view.name}.png"
