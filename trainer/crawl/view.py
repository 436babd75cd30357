"""The terminal of a crawl: a line of progress while it runs, a table of counts at the end."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from trainer.crawl.outcome import Outcome, PersonOutcome, Tally


class CrawlView:
    """A live line on stderr; `show` is called with the current item."""

    def __init__(self, tally: Tally, max_persons: int | None, console: Console | None = None) -> None:
        self._tally = tally
        self._max_persons = max_persons
        self.console = console or Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("persons"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self.console,
        )
        self._task = self._progress.add_task("", total=max_persons)

    def __enter__(self) -> CrawlView:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, what: str) -> None:
        saved = self._tally.pictures[Outcome.KEPT]
        dropped = self._tally.pictures.total() - saved
        total = min(self._max_persons or self._tally.listed_persons, self._tally.listed_persons) or None
        self._progress.update(
            self._task,
            total=total,
            completed=self._tally.taken_persons,
            description=f"{saved} kept, {dropped} not · {what}",
        )


def summary(tally: Tally, http: dict[str, int]) -> Table:
    """The final table: the outcomes of persons and pictures, and the number of requests."""
    table = Table("", "how it ended", "count", title="crawl")
    for person_outcome in PersonOutcome:
        if count := tally.persons[person_outcome]:
            table.add_row("persons", person_outcome.value, str(count))
    for outcome in Outcome:
        if count := tally.pictures[outcome]:
            table.add_row("pictures", outcome.value, str(count))
    if tally.pages_lost:
        table.add_row("pages", "could not be read", str(tally.pages_lost))
    for what, count in http.items():
        table.add_row("requests", what, str(count))
    return table
