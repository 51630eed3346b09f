"""Prompt, answer, prompt: until Ctrl-D."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from gptoss_cli.chat.interrupt import stopping
from gptoss_cli.engine.base import Cancel
from gptoss_cli.errors import GptossError
from gptoss_cli.ui import status
from gptoss_cli.ui.foreground import terminal_kept
from gptoss_cli.ui.sanitize import sanitize_line
from gptoss_cli.ui.say import say

if TYPE_CHECKING:
    from gptoss_cli.chat.turn import Chat
    from gptoss_cli.ui.renderer import Renderer


class Repl:
    """A conversation at the terminal; ``run`` returns when the person leaves.

    ``make_renderer`` gives a fresh renderer per answer. ``history`` is the file of what was typed,
    or None when it cannot be kept.
    """

    def __init__(
        self,
        *,
        chat: Chat,
        make_renderer: Callable[[], Renderer],
        heading: str,
        history: Path | None,
    ) -> None:
        self._chat = chat
        self._make_renderer = make_renderer
        self._heading = heading
        self._session: PromptSession[str] = PromptSession(
            history=_history(history),
            key_bindings=_keys(),
            enable_open_in_editor=True,
            enable_suspend=True,
        )

    def run(self) -> None:
        """Prompt and answer until Ctrl-D, or Ctrl-C twice on an empty line."""
        with terminal_kept(sys.stdin):
            self._converse()

    def _converse(self) -> None:
        say(sanitize_line(self._heading), stream=sys.stdout)
        say("Enter sends · Alt-Enter new line · Ctrl-D leaves", stream=sys.stdout)
        interrupted = False
        while True:
            try:
                text = self._session.prompt("> ", prompt_continuation="  ")
            except KeyboardInterrupt:
                if interrupted:
                    return
                interrupted = True
                print("Ctrl-C again or Ctrl-D leaves.")
                continue
            except EOFError:
                return
            interrupted = False
            if text.strip():
                self._answer(text)

    def _answer(self, text: str) -> None:
        cancel = Cancel()
        try:
            prepared = self._chat.prepare(text)
            with stopping(cancel), self._pastes_kept(), self._make_renderer() as shown:
                for event in self._chat.answer(prepared, cancel):
                    shown.feed(event)
            if self._chat.was_left_out(prepared):
                say("the question was not read to its end and is left out; ↑ brings it back")
        except KeyboardInterrupt:
            print("[stopped]")
        except GptossError as error:
            say(status.error(str(error), error.hint))

    @contextlib.contextmanager
    def _pastes_kept(self) -> Iterator[None]:
        """Have text that is pasted during an answer marked as pasted, for the next prompt."""
        output = self._session.output
        output.enable_bracketed_paste()
        output.flush()
        try:
            yield
        finally:
            output.disable_bracketed_paste()
            output.flush()


def _history(path: Path | None) -> History:
    if path is None:
        return InMemoryHistory()
    try:
        with path.open("ab+"):
            path.chmod(0o600)  # what was typed is its owner's alone
    except OSError:
        return InMemoryHistory()
    return _LastingHistory(path)


class _LastingHistory(FileHistory):
    """A history file whose failure (a full disk, say) does not disturb the conversation."""

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError):
            super().store_string(string)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys
