"""The file of articles, followed as it changes, and kept in the database to be searched."""

import asyncio
from functools import partial
from pathlib import Path

import structlog

from services.notifier import store
from services.notifier.articles import ArticlesError, Shelf, parse_articles, read_articles
from shared import metrics
from shared.database import Database
from shared.followed_file import LOOK_EVERY, FollowedFile
from shared.worker import Worker

log = structlog.get_logger(__name__)


class ArticlesFile:
    """The articles of one file; `load` it before anything else, then let `worker` keep them.

    Args:
        path: Where the file stands.
        documentation: Where paths in it begin; without it articles with a path are left out.
    """

    def __init__(self, path: Path, *, documentation: str | None) -> None:
        self._path = path
        self._documentation = documentation
        self._file = FollowedFile(partial(read_articles, path), ArticlesError)
        self._to_keep: Shelf | None = None

    def load(self) -> None:
        """Read the file for the first time.

        Raises:
            ArticlesError: the file can't be read, or anything in it is wrong.
        """
        text = read_articles(self._path)
        self._to_keep = self._parse(text)
        self._file.begin(text)
        metrics.NOTIFIER_ARTICLES_REFUSED.set(0)

    def worker(self, database: Database) -> Worker:
        """The part of the service that keeps the articles, and looks for changes."""

        async def step() -> bool:
            await self.look()
            await self.keep(database)
            return False

        return Worker("articles", step, idle=LOOK_EVERY)

    async def look(self) -> None:
        """Look whether the file has changed."""
        found = await self._file.change()
        if found is not None:
            await asyncio.to_thread(self._judge, found)
            self._file.judged(found)

    async def keep(self, database: Database) -> None:
        """Write what is new to the database; if that fails it is still to be done."""
        shelf = self._to_keep
        if shelf is None:
            return
        async with database.transaction() as connection:
            is_new = await store.replace_articles(connection, shelf)
        self._to_keep = None
        if is_new:
            log.info("articles_kept", amount=len(shelf.articles), version=shelf.version)
        if shelf.unreachable:
            log.warning("articles_without_documentation", ids=shelf.unreachable)

    def _judge(self, found: str | ArticlesError) -> None:
        try:
            if isinstance(found, ArticlesError):
                raise found
            self._to_keep = self._parse(found)
        except ArticlesError as error:
            metrics.NOTIFIER_ARTICLES_REFUSED.set(1)
            log.warning("articles_refused", problems=error.problems)
        else:
            metrics.NOTIFIER_ARTICLES_REFUSED.set(0)

    def _parse(self, text: str) -> Shelf:
        return parse_articles(text, str(self._path), documentation=self._documentation)
