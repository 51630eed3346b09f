"""What Tab completes: commands, and what stands behind them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from gptoss_cli.errors import GptossError
from gptoss_cli.repl.attaching import escaped, unescaped
from gptoss_cli.repl.commands.base import Command, Completes
from gptoss_cli.ui.sanitize import sanitize_line


class ChatCompleter(Completer):
    """Completes lines of a chat. `models` and `titles` are asked when they are needed."""

    def __init__(
        self,
        commands: Sequence[Command],
        *,
        models: Callable[[], Iterable[str]],
        titles: Callable[[], Iterable[str]],
        paths: Callable[[str], Iterable[str]],
    ) -> None:
        self._commands = commands
        self._models = models
        self._titles = titles
        self._paths = paths

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """Yield what the text in front of the cursor may become; nothing where that fails."""
        with contextlib.suppress(GptossError, OSError):
            yield from self._completions(document, complete_event)

    def _completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        text = document.text_before_cursor
        if text.startswith("/") and not text.startswith("//"):
            name, blank, argument = text[1:].partition(" ")
            if not blank:
                yield from self._names(name)
            else:
                yield from self._arguments(
                    name, argument, wanted=complete_event.completion_requested
                )
        elif complete_event.completion_requested:
            word = _last_word(text)
            if word.startswith("@"):
                yield from self._files(word[1:])

    def _names(self, name: str) -> Iterator[Completion]:
        for command in self._commands:
            if command.name.startswith(name.casefold()):
                yield Completion(
                    command.name + (" " if command.arguments else ""),
                    start_position=-len(name),
                    display=f"/{command.name}",
                    display_meta=command.does,
                )

    def _files(self, written: str) -> Iterator[Completion]:
        for path in self._paths(unescaped(written)):
            shown = sanitize_line(path.rstrip("/").rpartition("/")[2] + "/" * path.endswith("/"))
            yield Completion(escaped(path), start_position=-len(written), display=shown)

    def _arguments(self, name: str, argument: str, *, wanted: bool) -> Iterator[Completion]:
        command = next((c for c in self._commands if name in (c.name, *c.also)), None)
        if command is None:
            return
        match command.completes:
            case Completes.COMMAND:
                yield from _beginning(argument, [c.name for c in self._commands])
            case Completes.WORD:
                yield from _beginning(argument, command.words)
            case Completes.MODEL if wanted:
                yield from _beginning(argument, self._models())
            case Completes.SESSION if wanted:
                yield from _beginning(argument, self._titles())
            case Completes.PATH if wanted:
                yield from self._files(_last_word(argument))
            case _:
                pass


def _last_word(text: str) -> str:
    """Return what stands behind the last blank that has no backslash before it."""
    return re.split(r"(?<!\\)\s", text)[-1]


def _beginning(typed: str, words: Iterable[str]) -> Iterator[Completion]:
    """Yield those of `words` that begin as `typed` does, in any case."""
    for word in words:
        if word.casefold().startswith(typed.casefold()) and word != typed:
            yield Completion(word, start_position=-len(typed), display=sanitize_line(word))
