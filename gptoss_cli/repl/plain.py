"""The chat where nothing may be repainted: dumb terminals, and screens that are read aloud.

Lines come by ``input``, answers are written as they come, and nothing is shown that moves.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gptoss_cli.chat.interrupt import stopping
from gptoss_cli.engine.base import Cancel
from gptoss_cli.errors import GptossError
from gptoss_cli.repl.editor import edited
from gptoss_cli.repl.typed import Sent, is_open_block, without_quotes
from gptoss_cli.repl.work import PREFILL_AFTER_S, meanwhile
from gptoss_cli.ui import status
from gptoss_cli.ui.renderer import Renderer, make_renderer
from gptoss_cli.ui.sanitize import sanitize
from gptoss_cli.ui.say import say
from gptoss_cli.ui.theme import Theme

if TYPE_CHECKING:
    from gptoss_cli.events import Event
    from gptoss_cli.repl.dialogue import Dialogue
    from gptoss_cli.ui.cells import Row
    from gptoss_cli.ui.terminal import Environment

with contextlib.suppress(ImportError):  # Windows has none; elsewhere it makes input() editable
    import readline


class PlainFront:
    """A ``Front`` without keys; ``run`` holds the conversation until the person leaves."""

    def __init__(
        self,
        environment: Environment,
        *,
        show_thinking: bool | None,
        stats: bool,
        editor: str,
        make_dialogue: Callable[[PlainFront], Dialogue],
    ) -> None:
        self.look = Theme(environment.stdout_paint, unicode=environment.stdout_unicode)
        self._environment = environment
        self._show_thinking = show_thinking
        self._stats = stats
        self._editor = editor
        self._renderer: Renderer | None = None
        self._put = ""
        self._is_over = False
        self._dialogue = make_dialogue(self)

    def run(self, heading: str) -> None:
        """Hold the conversation until the person leaves."""
        self.say(heading)
        self._dialogue.begin()
        try:
            self._converse()
        finally:
            self._dialogue.hurry()
            notice = self._dialogue.end()
            if notice:
                self.say(notice)

    def _converse(self) -> None:
        is_asked_to_leave = False
        while not self._is_over:
            try:
                with meanwhile((PREFILL_AFTER_S, self._dialogue.prefill)):
                    line = self._line()
            except EOFError:
                return
            except KeyboardInterrupt:
                if is_asked_to_leave:
                    return
                if self._dialogue.edited is not None:
                    print()
                    self._enter(Sent("", ""))
                    continue
                is_asked_to_leave = True
                self.say("\nCtrl-C again or Ctrl-D leaves.")
                continue
            is_asked_to_leave = False
            text = without_quotes(line)
            is_edit = self._dialogue.edited is not None
            if text.strip() or is_edit:
                self._enter(Sent(text, text, is_block=text != line, is_edit=is_edit))

    def _enter(self, sent: Sent) -> None:
        cancel = Cancel()
        try:
            with stopping(cancel):
                self._dialogue.enter(sent, cancel)
        except KeyboardInterrupt:
            self.say(status.STOPPED)

    def _line(self) -> str:
        line = self._input("> ")
        while is_open_block(line):
            line += "\n" + self._input("  ")
        return line

    def _input(self, prompt: str) -> str:
        text, self._put = self._put, ""
        if text and "readline" in globals():
            readline.set_startup_hook(lambda: readline.insert_text(text))
        try:
            return input(prompt)
        finally:
            if text and "readline" in globals():
                readline.set_startup_hook()

    # What the dialogue asks for

    def echo(self, text: str) -> None:
        """Do nothing: what was typed stands there."""

    def note_typed(self, line: str, conversation_id: str) -> None:
        """Do nothing: what is typed here is not kept for later chats."""

    def forget_typed(self, _texts: Sequence[str], _conversation_ids: Sequence[str]) -> None:
        """Bring nothing back that was typed in this chat."""
        if "readline" in globals():
            readline.clear_history()

    def say(self, text: str) -> None:
        """Show a sentence that is no part of the conversation; it may have several lines."""
        say(sanitize(text), stream=sys.stdout)

    def show_error(self, error: GptossError) -> None:
        """Show what went wrong and what to do."""
        say(status.error(str(error), error.hint), stream=sys.stdout)

    def show(self, rows: Sequence[Row]) -> None:
        """Show rows made for ``width``."""
        for row in rows:
            print(sanitize("".join(text for text, _ in row)))

    def begin_answer(self) -> None:
        """An answer begins; its events follow."""
        self._renderer = make_renderer(
            self._environment, show_thinking=self._show_thinking, stats=self._stats
        )
        self._renderer.__enter__()

    def feed(self, event: Event) -> None:
        """Show what `event` adds to the answer."""
        if self._renderer is not None:
            self._renderer.feed(event)

    def end_answer(self) -> None:
        """The answer is over, also when it failed."""
        renderer, self._renderer = self._renderer, None
        if renderer is not None:
            renderer.__exit__(None, None, None)

    def show_thinking(self, mode: bool | None) -> None:
        """Show all thinking from now on, or none, or (None) that the model thinks."""
        self._show_thinking = mode

    def use_theme(self, name: str) -> None:
        """Paint by the theme `name` from now on."""
        self.look.use(name)

    def width(self) -> int:
        """Return the columns that rows may take."""
        return max(self._environment.size()[0] - 1, 8)

    def put(self, text: str) -> bool:
        """Put `text` into the next input if it is one line and lines can be edited; else show it,
        and return False.
        """
        fits = "readline" in globals() and "\n" not in text
        if fits:
            self._put = text
        else:
            self.say(text)
        return fits

    def edit(self, text: str) -> str | None:
        """Return `text` as the person changed it in an editor, None if nothing came of it."""
        return edited(text, self._editor)

    def write_raw(self, sequence: str) -> None:
        """Send the terminal an escape `sequence` that moves nothing."""
        sys.stdout.write(sequence)
        sys.stdout.flush()

    def clear(self) -> None:
        """Do nothing: what was said stays where it can be read again."""

    def refresh(self) -> None:
        """Do nothing: there is no status line."""

    def leave(self) -> None:
        """End the chat after this line."""
        self._is_over = True
