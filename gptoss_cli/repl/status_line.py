"""The line below the input: the window, the model, the speed, the title; or what keys do now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gptoss_cli.repl.dialogue import Doing
from gptoss_cli.ui import theme
from gptoss_cli.ui.cells import Row, cells, split_at
from gptoss_cli.ui.sanitize import sanitize_line

if TYPE_CHECKING:
    from gptoss_cli.repl.dialogue import Status

_LEAST_TITLE_CELLS: Final = 8
_HINTS: Final = {
    Doing.THINKING: ("Enter: answer now", "Esc: stop"),
    Doing.ANSWERING: ("Esc: stop",),
    Doing.WORKING: ("Esc: stop",),
}


def status_row(status: Status, doing: Doing, waiting: int, columns: int, dot: str = "·") -> Row:
    """Return the status line in at most `columns`: what matters least is left out first.

    `waiting` is the number of messages that are sent but not answered yet.
    """
    parts = list(_HINTS.get(doing, ()))
    is_idle = not parts
    if waiting:
        parts.append(f"{waiting} waiting")
    parts.append(meter(status.context_used, status.context_window))
    if status.edited:
        parts.append(f"editing question {status.edited:,}")
    if status.attached:
        files = "1 file" if status.attached == 1 else f"{status.attached:,} files"
        parts.append(f"{files} with the next message")
    if is_idle:
        parts += [sanitize_line(status.model), status.effort]
        parts += [f"{status.decode_tps:,.1f} tok/s"] if status.decode_tps else []
    between = f" {dot} "
    line = " " + parts[0]
    for part in parts[1:]:
        if cells(line) + cells(between) + cells(part) <= columns:
            line += between + part
    room = columns - cells(line) - cells(between)
    title = sanitize_line(status.title)
    if title and is_idle and room >= min(_LEAST_TITLE_CELLS, cells(title)):
        line += between + _shortened(title, room)
    return [(line, theme.FAINT)]


def meter(used: int | None, window: int) -> str:
    """Return how full the window is: ``ctx 3.1k/8k 38 %``."""
    if used is None:
        return f"ctx …/{_thousands(window)}"
    share = f"{used / window:.0%}".replace("%", " %") if window else ""
    return f"ctx {_thousands(used)}/{_thousands(window)} {share}".rstrip()


def _thousands(tokens: int) -> str:
    """Return tokens as people read windows: 640, 3.1k, 8k (8,192), 128k."""
    if tokens < 1000:
        return str(tokens)
    if tokens % 1024 == 0:
        return f"{tokens // 1024}k"
    return f"{tokens / 1000:.1f}k" if tokens < 100_000 else f"{tokens / 1000:.0f}k"


def _shortened(text: str, room: int) -> str:
    if cells(text) <= room:
        return text
    return text[: split_at(text, room - 1)] + "…"
