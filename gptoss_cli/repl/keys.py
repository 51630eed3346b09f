"""What keys do in a chat; all others edit the line, as in a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from prompt_toolkit.application.current import get_app
from prompt_toolkit.filters import Condition, has_completions, is_searching
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer

_PANE_ROWS: Final = 5


class Actions(Protocol):
    """What the keys ask for. Called on the thread of the screen."""

    @property
    def is_busy(self) -> bool:
        """Whether an answer or a command goes on."""

    @property
    def is_pane_open(self) -> bool:
        """Whether thinking is shown above the input."""

    def send(self, buffer: Buffer) -> None:
        """Send what is typed; with nothing typed, have the answer now if the model thinks."""

    def stop(self, buffer: Buffer) -> None:
        """Stop what goes on; what waits behind it comes back into the input."""

    def interrupt(self, buffer: Buffer) -> None:
        """Stop what goes on, else drop what is typed, else, the second time, leave."""

    def leave(self) -> None:
        """End the chat."""

    def paste(self, buffer: Buffer, text: str) -> None:
        """Put pasted text into the input."""

    def rub_out(self, buffer: Buffer) -> bool:
        """Remove the word of a paste in front of the cursor; False if there is none."""

    def edit(self, buffer: Buffer) -> None:
        """Open an editor on what is typed."""

    def toggle_thinking(self) -> None:
        """Open or close the thinking."""

    def scroll_thinking(self, rows: int) -> None:
        """Scroll the thinking up by `rows`, down if negative."""

    def turn_thinking(self, step: int) -> None:
        """Show the thinking of a turn `step` earlier, later if negative."""

    def complete(self, buffer: Buffer) -> None:
        """Complete what is typed, or show what it may become."""

    def clear(self) -> None:
        """Clear the screen."""


def make_keys(actions: Actions) -> KeyBindings:
    """Return the bindings of the keys to `actions`."""
    keys = KeyBindings()
    _bind_lines(keys, actions)
    _bind_answer(keys, actions)
    _bind_thinking(keys, actions)
    return keys


def _bind_lines(keys: KeyBindings, actions: Actions) -> None:
    @keys.add("enter", filter=~is_searching)
    def _send(event: KeyPressEvent) -> None:
        actions.send(event.current_buffer)

    @keys.add("escape", "enter")
    @keys.add("c-j", filter=~is_searching)
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add(Keys.BracketedPaste)
    def _paste(event: KeyPressEvent) -> None:
        actions.paste(event.current_buffer, event.data)

    @keys.add("backspace", filter=~is_searching)
    def _rub_out(event: KeyPressEvent) -> None:
        if not actions.rub_out(event.current_buffer):
            event.current_buffer.delete_before_cursor(event.arg)

    @keys.add("c-g", filter=~is_searching)
    def _edit(event: KeyPressEvent) -> None:
        actions.edit(event.current_buffer)

    @keys.add("tab", filter=~is_searching & ~has_completions)
    def _complete(event: KeyPressEvent) -> None:
        actions.complete(event.current_buffer)

    @keys.add("c-l")
    def _clear(_event: KeyPressEvent) -> None:
        actions.clear()

    @keys.add("c-z")
    def _suspend(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()


def _bind_answer(keys: KeyBindings, actions: Actions) -> None:
    @Condition
    def is_busy() -> bool:
        return actions.is_busy

    @Condition
    def is_empty() -> bool:
        return not get_app().current_buffer.text

    @keys.add("escape", filter=is_busy)
    def _stop(event: KeyPressEvent) -> None:
        actions.stop(event.current_buffer)

    @keys.add("c-c", filter=~is_searching)
    @keys.add(Keys.SIGINT)
    def _interrupt(event: KeyPressEvent) -> None:
        actions.interrupt(event.current_buffer)

    @keys.add("c-d", filter=is_empty & ~is_searching)
    def _leave(_event: KeyPressEvent) -> None:
        actions.leave()


def _bind_thinking(keys: KeyBindings, actions: Actions) -> None:
    @Condition
    def is_open() -> bool:
        return actions.is_pane_open

    @keys.add("c-o")
    def _toggle(_event: KeyPressEvent) -> None:
        actions.toggle_thinking()

    @keys.add("pageup", filter=is_open)
    def _up(_event: KeyPressEvent) -> None:
        actions.scroll_thinking(_PANE_ROWS)

    @keys.add("pagedown", filter=is_open)
    def _down(_event: KeyPressEvent) -> None:
        actions.scroll_thinking(-_PANE_ROWS)

    @keys.add("escape", "up", filter=is_open)
    def _earlier(_event: KeyPressEvent) -> None:
        actions.turn_thinking(1)

    @keys.add("escape", "down", filter=is_open)
    def _later(_event: KeyPressEvent) -> None:
        actions.turn_thinking(-1)
