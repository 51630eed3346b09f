"""What a chat needs of the terminal, whichever kind of terminal it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gptoss_cli.errors import GptossError
from gptoss_cli.events import Event
from gptoss_cli.ui.cells import Row
from gptoss_cli.ui.theme import Theme


class Front(Protocol):
    """Where the conversation is seen. Every method may be called from the thread that works."""

    look: Theme

    def echo(self, text: str) -> None:
        """Show what the person has sent."""

    def note_typed(self, line: str, conversation_id: str) -> None:
        """Keep that `line` was typed in a conversation, for later chats."""

    def forget_typed(self, texts: Sequence[str], conversation_ids: Sequence[str], /) -> None:
        """Bring nothing back that was typed in the conversations, or as one of `texts`."""

    def say(self, text: str) -> None:
        """Show a sentence that is no part of the conversation; it may have several lines."""

    def show_error(self, error: GptossError) -> None:
        """Show what went wrong and what to do."""

    def show(self, rows: Sequence[Row]) -> None:
        """Show rows made for ``width``."""

    def begin_answer(self) -> None:
        """An answer begins; its events follow."""

    def feed(self, event: Event) -> None:
        """Show what `event` adds to the answer."""

    def end_answer(self) -> None:
        """The answer is over, also when it failed."""

    def show_thinking(self, mode: bool | None) -> None:
        """Show all thinking from now on, or none, or (None) a tail that becomes one line."""

    def use_theme(self, name: str) -> None:
        """Paint by the theme `name` from now on."""

    def width(self) -> int:
        """Return the columns that rows may take."""

    def put(self, text: str) -> bool:
        """Put `text` into the input, to be changed and sent; return False where it could only be
        shown.
        """

    def edit(self, text: str) -> str | None:
        """Return `text` as the person changed it in an editor, None if nothing came of it."""

    def write_raw(self, sequence: str) -> None:
        """Send the terminal an escape `sequence` that moves nothing."""

    def clear(self) -> None:
        """Clear the screen."""

    def refresh(self) -> None:
        """Show what changed in the status line."""

    def leave(self) -> None:
        """End the chat."""
