"""The terminal while a chat lasts: what is said scrolls by above, the input stays below it.

There is no alternate screen: what is final is printed once, into the terminal's own scrollback.
Only the last rows change: those of an answer that are not final yet, the input, the status line.
All of it happens on the thread that runs the event loop; other threads use ``post``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import Completer
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI, AnyFormattedText
from prompt_toolkit.history import History
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.layout import (
    BufferControl,
    CompletionsMenu,
    ConditionalContainer,
    Dimension,
    FormattedTextControl,
    HSplit,
    Layout,
    VerticalAlign,
    Window,
)
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import SearchToolbar

from gptoss_cli.errors import GptossError
from gptoss_cli.repl.output import HeldOutput
from gptoss_cli.repl.resuming import terminal_taken_back
from gptoss_cli.ui.cells import Row, clip

if TYPE_CHECKING:
    from gptoss_cli.ui.terminal import Environment
    from gptoss_cli.ui.theme import Theme

_MOST_TAIL_ROWS: Final = 8
_MOST_INPUT_ROWS: Final = 10
_MENU_ROWS: Final = 6
# How long an Escape may be the beginning of another key.
_ESCAPE_S: Final = 0.05
_ALT_S: Final = 0.2
_STYLE: Final = Style.from_dict(
    {
        "completion-menu": "noinherit",
        "completion-menu.completion": "noinherit",
        "completion-menu.completion.current": "noinherit reverse",
        "completion-menu.meta.completion": "noinherit dim",
        "completion-menu.meta.completion.current": "noinherit reverse",
        "scrollbar.background": "noinherit",
        "scrollbar.button": "noinherit reverse",
    }
)


class Below(Protocol):
    """What stands below the conversation besides the input; rows for a screen of `columns`."""

    def pane(self, columns: int, lines: int) -> list[Row]:
        """Return the rows between the conversation and the input."""

    def status(self, columns: int) -> Row:
        """Return the line below the input."""


class ChatScreen:
    """The running screen; ``run`` returns when ``leave`` was called."""

    def __init__(
        self,
        environment: Environment,
        look: Theme,
        output: Output,
        *,
        below: Below,
        keys: KeyBindings,
        history: History,
        completer: Completer,
    ) -> None:
        self.look = look
        self.size = environment.size
        self.area = AboveInput(self)
        self.buffer = Buffer(
            multiline=True,
            history=history,
            completer=completer,
            complete_while_typing=Condition(lambda: self.buffer.text.startswith("/")),
            enable_history_search=False,
        )
        self._below = below
        self._output = output
        self._tail: Sequence[str] = ()
        self._lent = 0
        self._search = SearchToolbar()
        self.app: Application[None] = Application(
            layout=self._layout(),
            key_bindings=keys,
            style=_STYLE,
            output=output,
            full_screen=False,
            erase_when_done=True,
        )
        self.app.ttimeoutlen, self.app.timeoutlen = _ESCAPE_S, _ALT_S
        self.app.after_render += lambda _app: self._release()

    def run(self, first: Callable[[], None], typed: str = "") -> None:
        """Show the screen until ``leave``; `first` is called once it is there, and `typed` is what
        was typed before.

        Raises what a key or a posted function raised.
        """

        def begin() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(
                lambda _loop, met: self.fail(met.get("exception") or RuntimeError(met["message"]))
            )
            self.post(first)

        keys: list[KeyPress] = []
        parser = Vt100Parser(keys.append)
        parser.feed(typed)
        parser.flush()
        store_typeahead(self.app.input, keys)
        with terminal_taken_back(self.app, lambda: self._lent > 0):
            self.app.run(pre_run=begin, set_exception_handler=False)

    def leave(self) -> None:
        """End ``run``."""
        if self.app.is_running and not self.app.is_done:
            self.app.exit()

    def post(self, function: Callable[[], None]) -> None:
        """Have `function` called on the thread of the screen; from any thread, at once if it can.

        Nothing happens when the screen is gone.
        """
        loop = self.app.loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(function)

    def in_terminal(self, function: Callable[[], Any]) -> Any:
        """Return what `function` returns, which has the terminal to itself; from another thread."""
        loop = self.app.loop
        assert loop is not None

        return asyncio.run_coroutine_threadsafe(self._lend(function), loop).result()

    def edit_input(self, edit: Callable[[], str | None], failed: Callable[[Any], None]) -> None:
        """Put into the input what `edit`, which has the terminal to itself, returns.

        `failed` gets a GptossError.
        """

        async def run() -> None:
            try:
                changed = await self._lend(edit)
            except GptossError as error:
                failed(error)
                return
            if changed is not None:
                self.buffer.text = changed
                self.buffer.cursor_position = len(changed)

        self.app.create_background_task(run())

    async def _lend(self, function: Callable[[], Any]) -> Any:
        self._lent += 1
        try:
            return await run_in_terminal(function, in_executor=True)
        finally:
            self._lent -= 1

    def print_above(self, text: str) -> None:
        """Print `text`, whole lines ended by a carriage return and a newline, above the input."""
        if not self.app.is_running:
            return
        if isinstance(self._output, HeldOutput):
            self._output.hold()
        self.app.renderer.erase(leave_alternate_screen=False)
        self._output.write_raw(text)
        self._output.flush()
        self.app.invalidate()

    def show_tail(self, rows: Sequence[str]) -> None:
        """Show `rows`, painted, between the conversation and the input; they may change."""
        if len(rows) < len(self._tail):
            # A screen once drawn does not become smaller by itself.
            self.print_above("")
        self._tail = rows
        self.app.invalidate()

    def refresh(self) -> None:
        """Draw what is below the conversation again."""
        self.app.invalidate()

    def load_history_anew(self) -> None:
        """Let the arrow keys bring back what the history has now; what is typed stays."""
        self.buffer.reset(Document(self.buffer.text, self.buffer.cursor_position))

    def clear(self) -> None:
        """Clear the screen; the scrollback stays."""
        self.app.renderer.clear()

    def _release(self) -> None:
        if isinstance(self._output, HeldOutput) and self._output.is_held:
            self._output.release()

    def fail(self, error: BaseException) -> None:
        """End ``run`` with `error`, which it raises."""
        if self.app.is_running and not self.app.is_done:
            self.app.exit(exception=error)

    def _layout(self) -> Layout:
        pane = Window(
            FormattedTextControl(self._pane_text), dont_extend_height=True, wrap_lines=False
        )
        tail = Window(
            FormattedTextControl(self._tail_text), dont_extend_height=True, wrap_lines=False
        )
        line = Window(
            BufferControl(
                self.buffer, search_buffer_control=self._search.control, preview_search=True
            ),
            height=self._input_height,
            wrap_lines=True,
            dont_extend_height=True,
            get_line_prefix=lambda line, wraps: "> " if line == wraps == 0 else "  ",
        )
        status = Window(FormattedTextControl(self._status_text), height=1, dont_extend_height=True)
        return Layout(
            HSplit(
                [
                    ConditionalContainer(tail, Condition(lambda: bool(self._tail))),
                    ConditionalContainer(pane, Condition(lambda: bool(self._pane_rows()))),
                    line,
                    self._search,
                    CompletionsMenu(max_height=_MENU_ROWS, scroll_offset=1),
                    status,
                ],
                align=VerticalAlign.TOP,
            ),
            focused_element=line,
        )

    def _input_height(self) -> Dimension:
        lines = self.size()[1]
        return Dimension(min=1, max=max(min(_MOST_INPUT_ROWS, lines // 2), 1))

    def _tail_text(self) -> AnyFormattedText:
        lines = self.size()[1]
        most = max(min(_MOST_TAIL_ROWS, lines - 3), 1)
        return ANSI("\n".join(self._tail[-most:]))

    def _pane_rows(self) -> list[Row]:
        return self._below.pane(*self.size())

    def _pane_text(self) -> AnyFormattedText:
        return ANSI("\n".join(self.look.paint_row(row) for row in self._pane_rows()))

    def _status_text(self) -> AnyFormattedText:
        columns = max(self.size()[0] - 1, 1)
        return ANSI(self.look.paint_row(clip(self._below.status(columns), columns)))


class AboveInput:
    """The place where answers are printed and repainted: see ``ui.area.LiveArea``, which it stands
    in for. Belongs to the thread of the screen.
    """

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._tail: list[str] = []
        self._open_row: str | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is painted that may still change."""
        return not self._tail

    def update(
        self, finished: Sequence[str], tail: Sequence[str], *, open_end: bool = False
    ) -> None:
        """Print the `finished` rows for good and paint `tail` below them.

        ``open_end=True`` leaves the last finished row for ``write`` to end.
        """
        finished = list(finished)
        held = finished.pop() if open_end and finished else None
        self._end_open_row()
        self._open_row = held
        if finished or len(tail) < len(self._tail):
            self._screen.print_above("".join(f"{row}\r\n" for row in finished))
        self._tail = list(tail)
        self._screen.show_tail(self._tail)

    def clear(self) -> None:
        """Erase what may still change."""
        self.update([], [])

    def write(self, text: str) -> None:
        """Write `text`, which ends its line, behind the row that was left open."""
        row, self._open_row = self._open_row or "", None
        self._screen.print_above(row + text)

    def _end_open_row(self) -> None:
        if self._open_row is not None:
            self.write("\r\n")
