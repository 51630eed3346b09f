"""How far a long task on files has come: a row that moves at a terminal, nothing in a pipe."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gptoss_cli.ui.foreground import Foreground
from gptoss_cli.ui.listing import shortened
from gptoss_cli.ui.sanitize import sanitize_line
from gptoss_cli.ui.status import seconds, size
from gptoss_cli.ui.terminal import Environment
from gptoss_cli.ui.theme import Paint

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_NAME_CELLS = 30
_LEAST_CELLS = 8
_WIDE = 72  # room for a bar, too


class FileProgress:
    """Shows bytes, speed and time left on standard error: of the file that comes, and of all.

    Use it with ``with``; what moves is erased or finished at the end.
    """

    def __init__(self, screen: Environment, names: list[str], sizes_bytes: list[int]) -> None:
        self._screen = screen
        self._names = [sanitize_line(name) for name in names]
        self._sizes = list(sizes_bytes)
        self._done = [0] * len(names)
        self._progress: Progress | None = None
        self._tasks: dict[int, TaskID] = {}
        # An Enter that is echoed would move the row away from where it is erased.
        self._foreground = Foreground(screen.terminal if screen.live else None)

    def __enter__(self) -> Self:
        if self._screen.stderr_tty and self._screen.live:
            self._foreground.__enter__()
            self._progress = _rich_progress(self._screen)
            self._whole = self._progress.add_task(self._names[0], total=sum(self._sizes))
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._foreground.__exit__()

    def begin(self, done_bytes: list[int]) -> None:
        """Say what is there already: speed counts from it."""
        self._done = list(done_bytes)
        if self._progress is not None:
            self._progress.reset(self._whole, completed=sum(done_bytes))

    def report(self, number: int, done_bytes: int) -> None:
        """Show that file `number` has come so far."""
        if number >= len(self._names):
            return  # the hub has another split by now
        self._done[number] = done_bytes
        if self._progress is None:
            return
        if len(self._names) == 1:
            self._progress.update(self._whole, completed=done_bytes)
            return
        if number not in self._tasks:
            name, size_bytes = self._names[number], self._sizes[number]
            self._tasks[number] = self._progress.add_task(name, total=size_bytes)
            self._progress.reset(self._tasks[number], completed=done_bytes)
        self._progress.update(self._tasks[number], completed=done_bytes)
        if done_bytes >= self._sizes[number]:
            self._progress.remove_task(self._tasks.pop(number))
        self._progress.update(self._whole, completed=sum(self._done), description="all files")

    def report_only(self, done_bytes: int, size_bytes: int) -> None:
        """Show how far the only file has come, of which the size was not known at first."""
        if self._sizes[0] != size_bytes:
            self._sizes[0] = size_bytes
            if self._progress is not None:
                self._progress.update(self._whole, total=size_bytes)
        self.report(0, done_bytes)

    def note(self, sentence: str) -> None:
        """Print a sentence above what moves."""
        line = sanitize_line(sentence)
        if self._progress is not None:
            self._progress.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)


def _name_cells(columns: int) -> int:
    return min(_NAME_CELLS, columns // 3) if columns >= _WIDE else _LEAST_CELLS


def _amounts(
    done: float, total: float | None, speed: float | None, left_s: float | None, room: int
) -> str:
    """Return as much as fits into `room` cells: bytes, then the time left, then the speed."""
    amount = f"{size(done)} of {size(total or 0)}"
    rate = [f"{size(speed)}/s"] if speed else []
    left = [f"{seconds(left_s)} left"] if left_s is not None else []
    texts = [" · ".join(parts) for parts in ([amount, *rate, *left], [amount, *left], [amount])]
    return next((text for text in texts if len(text) <= room), f"{done / (total or 1):.0%}")


def _rich_progress(screen: Environment) -> Progress:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, ProgressColumn, Task  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    # Asked for each time it is drawn: a terminal may become narrower meanwhile.
    class Name(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(shortened(task.description, _name_cells(screen.size()[0])))

    class Bar(BarColumn):
        def render(self, task: Task) -> Any:
            return super().render(task) if screen.size()[0] >= _WIDE else Text("")

    class Amounts(ProgressColumn):
        def render(self, task: Task) -> Text:
            columns = screen.size()[0]
            room = columns - _name_cells(columns) - 2 if columns < _WIDE else columns
            return Text(_amounts(task.completed, task.total, task.speed, task.time_remaining, room))

    console = Console(
        file=screen.stderr,
        force_terminal=True,
        no_color=screen.stderr_paint is not Paint.COLOUR,
        highlight=False,
    )
    return Progress(
        Name(Column(no_wrap=True)),
        Bar(bar_width=None),
        Amounts(Column(no_wrap=True)),
        console=console,
        transient=True,
        expand=True,
    )
