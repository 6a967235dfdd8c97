"""What is shown in the terminal: how far it is, and the answers as tables."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deploy.analytics import wording
from deploy.analytics.layout import Partition
from deploy.analytics.reading import Outcome
from deploy.analytics.reading import Progress as Told

if TYPE_CHECKING:  # who only reads need not wait for DuckDB
    from deploy.analytics.answers import Answer

MOST_ROWS = 14


class Screen:
    """Tables go to standard output, progress to standard error."""

    def __init__(self) -> None:
        self._out = Console(soft_wrap=False)
        self._err = Console(stderr=True)

    def say(self, text: str = "") -> None:
        """Show a line."""
        self._out.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def progress(self) -> Iterator[Told]:
        """Show how far each partition is; where no terminal is, a line for each that is done."""
        if not self._err.is_terminal:
            yield self._done
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._err, transient=True) as bars:
            tasks = {}

            def tell(partition: Partition, done: int, of: int) -> None:
                if partition not in tasks:
                    tasks[partition] = bars.add_task(str(partition), total=of)
                bars.update(tasks[partition], completed=done, visible=done < of)

            yield tell

    def _done(self, partition: Partition, done: int, of: int) -> None:
        if done == of:
            print(f"Read {partition}: {of:,} offsets", file=sys.stderr, flush=True)

    def tell(self, outcome: Outcome, folder: Path) -> None:
        """Say what a run has read."""
        self.say(f"Read {outcome.events:,} events into {folder}.")
        if outcome.rejects:
            self.say(
                f"{outcome.rejects:,} records are no events: where and why stands in "
                f"{folder / 'rejects'}."
            )
        if outcome.lost:
            self.say(f"{outcome.lost:,} offsets were deleted on the stream before they were read.")

    def show(self, answers: "Mapping[str, Answer]") -> None:
        """Show all answers as tables, of long ones the end."""
        for answer in answers.values():
            self.say()
            self._out.print(answer.title, style="bold", markup=False, highlight=False)
            if answer.rows:
                self._out.print(_table(answer))
            else:
                self.say(wording.TOPIC_OF_NOTHING)
            if len(answer.rows) > MOST_ROWS:
                self.say(f"The last {MOST_ROWS} of {len(answer.rows):,} rows.")
        self.say()


def _table(answer: "Answer") -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column, value in zip(answer.columns, answer.rows[-1], strict=True):
        right = wording.is_number(value) or column in wording.DURATIONS
        table.add_column(wording.heading(column), justify="right" if right else "left")
    for row in answer.rows[-MOST_ROWS:]:
        shown = zip(answer.columns, row, strict=True)
        table.add_row(*(wording.figure(column, value) for column, value in shown))
    return table
