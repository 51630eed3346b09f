"""Commands that bring documents into the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gptoss_cli.errors import GptossError, UsageError
from gptoss_cli.repl import attaching
from gptoss_cli.repl.clipboard import system_paste
from gptoss_cli.repl.commands.base import Command, Completes, plural
from gptoss_cli.repl.dialogue import Dialogue

if TYPE_CHECKING:
    from gptoss_cli.documents.document import Document
    from gptoss_cli.engine.base import Cancel


def _file(dialogue: Dialogue, text: str, cancel: Cancel) -> None:
    if not text:
        if not dialogue.attached:
            raise UsageError("which file?", hint="/file PATH|GLOB|URL… [-- QUESTION]")
        attaching.show_costs(dialogue, dialogue.attached)
        dialogue.front.say("with the next message. /file clear drops them.")
        return
    if text == "clear":
        dialogue.attached = []
        return
    names, _, question = f"{text} ".partition(" -- ")
    _attach(dialogue, attaching.named(dialogue, names, cancel), question.strip(), cancel)


def _paste(dialogue: Dialogue, question: str, cancel: Cancel) -> None:
    from gptoss_cli.documents.reading import read_bytes  # noqa: PLC0415

    if dialogue.services.is_remote:
        raise UsageError(
            "the clipboard is on your own machine, this one cannot read it.",
            hint="paste with the terminal's own key: a long text is shown as one word",
        )
    content = system_paste().encode("utf-8", "replace")
    document = read_bytes(content, "clipboard", cancelled=cancel.is_set)
    attaching.show_costs(dialogue, [document])
    _attach(dialogue, [document], question, cancel)


def _attach(dialogue: Dialogue, documents: list[Document], question: str, cancel: Cancel) -> None:
    before = dialogue.attached
    dialogue.attached = [*before, *documents]
    if question:
        try:
            dialogue.ask(question, cancel, typed=question, edit=dialogue.edited)
        except GptossError:
            dialogue.attached = before
            raise
    else:
        count = plural(len(dialogue.attached), "file")
        dialogue.front.say(f"{count} with the next message. /file clear drops them.")


COMMANDS = (
    Command(
        name="file",
        arguments="PATH|GLOB|URL… [-- QUESTION]",
        does="send files with the next message, or with QUESTION; so does @PATH in a message",
        run=_file,
        completes=Completes.PATH,
    ),
    Command(
        name="paste",
        arguments="[QUESTION]",
        does="send what is in the clipboard",
        run=_paste,
    ),
)
