"""The chat on a terminal that can repaint: an input that is always there, answers above it.

The thread of the screen draws and hears keys; another one does what was asked for (``work``).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from gptoss_cli.errors import GptossError
from gptoss_cli.repl.history import open_history
from gptoss_cli.repl.keyboard import Keyboard
from gptoss_cli.repl.keys import make_keys
from gptoss_cli.repl.output import make_output
from gptoss_cli.repl.pane import ThinkingPane
from gptoss_cli.repl.replay import line_rows, question_rows
from gptoss_cli.repl.screen import ChatScreen
from gptoss_cli.repl.status_line import status_row
from gptoss_cli.repl.work import PREFILL_AFTER_S, Work
from gptoss_cli.ui import status, theme
from gptoss_cli.ui.cells import Row
from gptoss_cli.ui.renderer import make_live_renderer
from gptoss_cli.ui.sanitize import sanitize
from gptoss_cli.ui.say import say
from gptoss_cli.ui.screen import Screen
from gptoss_cli.ui.theme import Theme

if TYPE_CHECKING:
    from pathlib import Path

    from prompt_toolkit.completion import Completer

    from gptoss_cli.events import Event
    from gptoss_cli.repl.dialogue import Dialogue, Doing, Status
    from gptoss_cli.repl.typed import Sent
    from gptoss_cli.ui.renderer import Renderer
    from gptoss_cli.ui.terminal import Environment

_MOST_AT_ONCE_S: Final = 0.005
_TITLE_AFTER_S: Final = 4.0
_THOUGHT_HINT: Final = "(Ctrl-O opens)"


class LiveFront:
    """A ``Front`` with keys; ``run`` holds the conversation until the person leaves."""

    def __init__(
        self,
        environment: Environment,
        *,
        show_thinking: bool | None,
        stats: bool,
        history: Path | None,
        editor: str,
        make_completer: Callable[[Dialogue], Completer],
        make_dialogue: Callable[[LiveFront], Dialogue],
    ) -> None:
        self._show_thinking = show_thinking
        self._stats = stats
        self._editor = editor
        self.look = Theme(environment.stdout_paint, unicode=environment.stdout_unicode)
        self._events: deque[Event] = deque()
        self._renderer: Renderer | None = None
        self._dialogue = make_dialogue(self)
        self._seen = (self._dialogue.status, self._dialogue.doing)
        self._pane = ThinkingPane(self._dialogue.thoughts)
        self._work = Work(
            self._dialogue.enter,
            self._failed,
            (PREFILL_AFTER_S, self._dialogue.prefill),
            (_TITLE_AFTER_S, self._dialogue.suggest_title),
        )
        keyboard = Keyboard(self, self._dialogue, self._work, self._pane)
        self._history = open_history(history)
        self._screen = ChatScreen(
            environment,
            self.look,
            make_output(environment),
            below=self,
            keys=make_keys(keyboard),
            history=self._history,
            completer=make_completer(self._dialogue),
        )
        self._paper = Screen(
            self._screen.area,
            self._screen.area,
            self.look,
            environment.size,
            time.monotonic,
            encoding=environment.stdout_encoding,
        )

    def run(self, heading: str, typed: str = "") -> None:
        """Hold the conversation until the person leaves; `typed` comes before all other keys.

        Raises a defect of any thread.
        """

        def first() -> None:
            self.say(heading)
            self._work.begin(self._dialogue.begin)

        try:
            self._screen.run(first, typed)
        finally:
            self._dialogue.hurry()
            for sent in self._work.stop():
                self.note_unsent(sent)
            self._work.close()
            notice = self._dialogue.end()
            if notice:
                say(notice)

    # What the screen asks for

    def pane(self, columns: int, lines: int) -> list[Row]:
        """Return the rows between the conversation and the input."""
        return self._pane.rows(columns, lines)

    def status(self, columns: int) -> Row:
        """Return the line below the input."""
        return status_row(*self._seen, self._work.waiting, columns, self.look.dot)

    def redraw(self) -> None:
        """Draw what is below the conversation anew, in as many rows as it needs now."""
        self._screen.print_above("")

    # What the dialogue asks for

    def echo(self, text: str) -> None:
        """Show what the person has sent."""
        self.show([[], *question_rows(text, self.width(), self.look)])

    def remember(self, text: str) -> None:
        """Let the arrow keys bring back `text`, which was typed and is not sent."""
        self._history.append_string(text)
        self.note_typed(text, self._dialogue.chat.keeper.ids[-1])

    def note_unsent(self, sent: Sent) -> None:
        """Keep what was sent and not begun, for later chats."""
        self.note_typed(sent.for_history, self._dialogue.chat.keeper.ids[-1])

    def note_typed(self, line: str, conversation_id: str) -> None:
        """Keep that `line` was typed in a conversation, for later chats."""
        self._history.note(line, conversation_id)

    def forget_typed(self, texts: Sequence[str], conversation_ids: Sequence[str]) -> None:
        """Bring nothing back that was typed in the conversations, or as one of `texts`."""

        def forget_it() -> None:
            self._history.forget(set(texts), conversation_ids)
            self._screen.load_history_anew()

        self._screen.post(forget_it)

    def say(self, text: str) -> None:
        """Show a sentence that is no part of the conversation; it may have several lines."""
        self.show(line_rows(text, self.width(), theme.FAINT))

    def show_error(self, error: GptossError) -> None:
        """Show what went wrong and what to do."""
        self.show(line_rows(status.error(str(error), error.hint), self.width()))

    def show(self, rows: Sequence[Row]) -> None:
        """Show rows made for ``width``; what a terminal would obey in them is shown."""
        safe = ([(sanitize(text), style) for text, style in row] for row in rows)
        painted = "".join(f"{self.look.paint_row(row)}\r\n" for row in safe)
        self._screen.post(lambda: self._screen.print_above(painted))

    def begin_answer(self) -> None:
        """An answer begins; its events follow."""
        self._screen.post(self._begin_answer)

    def feed(self, event: Event) -> None:
        """Show what `event` adds to the answer."""
        self._events.append(event)
        if len(self._events) == 1:
            self._screen.post(self._show_events)

    def end_answer(self) -> None:
        """The answer is over, also when it failed."""
        self._screen.post(self._end_answer)

    def show_thinking(self, mode: bool | None) -> None:
        """Show all thinking from now on, or none, or (None) a tail that becomes one line."""
        self._show_thinking = mode

    def use_theme(self, name: str) -> None:
        """Paint by the theme `name` from now on."""
        self.look.use(name)

    def width(self) -> int:
        """Return the columns that rows may take."""
        return self._paper.width()

    def put(self, text: str) -> bool:
        """Put `text` into the input, to be changed and sent."""

        def put() -> None:
            buffer = self._screen.buffer
            if buffer.text.strip():
                self.remember(buffer.text)
            buffer.text = text
            buffer.cursor_position = len(text)

        self._screen.post(put)
        return True

    def edit(self, text: str) -> str | None:
        """Return `text` as the person changed it in an editor, None if nothing came of it."""
        from gptoss_cli.repl.editor import edited  # noqa: PLC0415

        changed: str | None = self._screen.in_terminal(lambda: edited(text, self._editor))
        return changed

    def edit_input(self, text: str) -> None:
        """Open an editor on `text`; what becomes of it is the input."""
        from gptoss_cli.repl.editor import edited  # noqa: PLC0415

        self._screen.edit_input(lambda: edited(text, self._editor), self.show_error)

    def write_raw(self, sequence: str) -> None:
        """Send the terminal an escape `sequence` that moves nothing."""
        self._screen.post(lambda: self._screen.print_above(sequence))

    def clear(self) -> None:
        """Clear the screen."""
        self._screen.post(self._screen.clear)

    def refresh(self) -> None:
        """Show what changed in the status line, behind all that was shown before."""
        seen = (self._dialogue.status, self._dialogue.doing)
        self._screen.post(lambda: self._refresh(seen))

    def leave(self) -> None:
        """End the chat."""
        self._screen.post(self._screen.leave)

    def _refresh(self, seen: tuple[Status, Doing]) -> None:
        self._seen = seen
        self._screen.refresh()

    def _begin_answer(self) -> None:
        self._renderer = make_live_renderer(
            self._paper,
            show_thinking=self._show_thinking,
            stats=self._stats,
            thought_hint=_THOUGHT_HINT,
        )

    def _show_events(self) -> None:
        """Show what has come, for a moment at most: keys are heard in between."""
        until_s = time.monotonic() + _MOST_AT_ONCE_S
        while self._events and time.monotonic() < until_s:
            self._show_event()
        if self._events:
            self._screen.post(self._show_events)

    def _show_event(self) -> None:
        if self._renderer is not None:
            self._renderer.feed(self._events[0])
        self._events.popleft()

    def _end_answer(self) -> None:
        while self._events:
            self._show_event()
        renderer, self._renderer = self._renderer, None
        if renderer is not None:
            renderer.close()

    def _failed(self, error: BaseException) -> None:
        self._screen.post(lambda: self._screen.fail(error))
