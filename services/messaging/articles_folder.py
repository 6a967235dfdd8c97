"""The folder of articles, followed as it changes, and kept in the database to be searched."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from services.messaging.articles import Article, ArticlesError, parse_folder, read_folder
from services.messaging.store import articles as store
from shared import metrics
from shared.database import Database
from shared.followed_file import LOOK_EVERY, FollowedFile
from shared.worker import Worker

log = structlog.get_logger(__name__)


class ArticlesFolder:
    """The articles of one folder; `load` it before anything else, then let `worker` keep them.

    Args:
        path: Where the folder stands.
        clock: The present, with a zone.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock
        self._folder = FollowedFile(partial(read_folder, path), ArticlesError)
        self._to_keep: Sequence[Article] | None = None

    def load(self) -> None:
        """Read the folder for the first time.

        Raises:
            ArticlesError: it can't be read, or anything in it is wrong.
        """
        text = read_folder(self._path)
        self._to_keep = self._parse(text)
        self._folder.begin(text)
        metrics.THREAD_ARTICLES_REFUSED.set(0)

    def worker(self, database: Database) -> Worker:
        """The part of the service that keeps the articles, and looks for changes."""

        async def step() -> bool:
            await self.look()
            await self.keep(database)
            return False

        return Worker("articles", step, idle=LOOK_EVERY)

    async def look(self) -> None:
        """Look whether anything in the folder has changed."""
        found = await self._folder.change()
        if found is not None:
            await asyncio.to_thread(self._judge, found)
            self._folder.judged(found)

    async def keep(self, database: Database) -> None:
        """Write what is new to the database; if that fails it is still to be done."""
        articles = self._to_keep
        if articles is None:
            return
        async with database.transaction() as connection:
            changes = await store.replace_articles(connection, articles, self._clock())
        self._to_keep = None
        if changes:
            log.info("articles_kept", amount=len(articles), changes=changes)

    def _judge(self, found: str | ArticlesError) -> None:
        try:
            if isinstance(found, ArticlesError):
                raise found
            self._to_keep = self._parse(found)
        except ArticlesError as error:
            metrics.THREAD_ARTICLES_REFUSED.set(1)
            log.warning("articles_refused", problems=error.problems)
        else:
            metrics.THREAD_ARTICLES_REFUSED.set(0)

    def _parse(self, text: str) -> Sequence[Article]:
        return parse_folder(text, str(self._path))
