"""How commands print: a table, plain columns, or JSON; and how they ask."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO

import typer

if TYPE_CHECKING:
    from gptoss_cli.errors import GptossError
    from gptoss_cli.ui.listing import Column

JSON_VERSION: Final = 1
# The jamo are the same keys while the Korean layout is on.
_ANSWERS: Final = {
    **dict.fromkeys(("y", "yes", "ㅛ", "예", "네"), "y"),
    **dict.fromkeys(("n", "no", "ㅜ", "아니오", "아니요"), "n"),
    **dict.fromkeys(("d", "demo", "ㅇ"), "d"),
    **dict.fromkeys(("r", "run", "ㄱ", "실행"), "r"),
    **dict.fromkeys(("e", "edit", "ㄷ", "편집"), "e"),
    **dict.fromkeys(("x", "explain", "ㅌ", "설명"), "x"),
    **dict.fromkeys(("c", "copy", "ㅊ", "복사"), "c"),
    **dict.fromkeys(("q", "quit", "ㅂ", "종료"), "q"),
}

Json = Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def emit_json(content: dict[str, Any]) -> None:
    """Print `content` as one object with the version of its shape."""
    import json

    from gptoss_cli.characters import json_escaped

    # Names are untrusted: half a surrogate pair in one would stop the encoder.
    text = json.dumps({"version": JSON_VERSION} | content, ensure_ascii=False, indent=2)
    sys.stdout.write(json_escaped(text) + "\n")


def print_list(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    plain_rows: Sequence[Sequence[str]],
    *,
    if_empty: str,
) -> None:
    """Print `rows` as a table at a terminal, `plain_rows` into a pipe.

    With no rows nothing is printed but a sentence on standard error.
    """
    from gptoss_cli.cli.wiring import environment
    from gptoss_cli.ui.listing import aligned, separated
    from gptoss_cli.ui.say import say

    if not rows:
        say(if_empty)
        return
    screen = environment()
    if screen.stdout_tty:
        ellipsis = "…" if screen.stdout_unicode else "..."
        lines = aligned(columns, rows, screen.size()[0], ellipsis=ellipsis)
    else:
        lines = separated(plain_rows)
    sys.stdout.write("\n".join(lines) + "\n")


def print_facts(stream: TextIO, facts: Sequence[tuple[str, str]]) -> None:
    """Print labels and texts: below each other at a terminal, else with a tab between them."""
    from gptoss_cli.cli.wiring import environment
    from gptoss_cli.ui.listing import labelled, separated

    if stream.isatty():
        lines = labelled(facts, environment().size()[0])
    else:
        lines = separated([(label.strip(), text) for label, text in facts])
    stream.write("\n".join(lines) + "\n")


def say_fault(fault: GptossError | None) -> None:
    """Print what is wrong as a note, for a command that can do without."""
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say

    if fault is not None:
        say(f"note: {sanitize_line(str(fault))}")
        say(f"  try: {sanitize_line(fault.hint)}")


def can_be_asked() -> bool:
    """Whether a person is there to answer: input and errors are a terminal."""
    from gptoss_cli.cli.standard_input import is_at_a_terminal

    return is_at_a_terminal() and sys.stderr.isatty()


def agrees(question: str, *, default: bool) -> bool:
    """Ask at the terminal for yes or no."""
    marks, first = ("[Y/n]", "y") if default else ("[y/N]", "n")
    return ask(f"{question} {marks}", "yn", first) == "y"


def ask(question: str, choices: str, default: str) -> str:
    """Ask at the terminal and return the letter of the answer, one of `choices`.

    An empty line is the `default`, what is not understood is asked again; the end of input is no.
    What was typed before the question is no answer.
    """
    from gptoss_cli.ui.foreground import drop_typed
    from gptoss_cli.ui.say import say

    while True:
        drop_typed(sys.stdin)
        say(question, end=" ")
        # Bytes, since a half-typed Hangul syllable is no UTF-8.
        line = sys.stdin.buffer.readline().decode("utf-8", "replace")
        if not line:
            sys.stderr.write("\n")
            return "n"
        word = unicodedata.normalize("NFC", line.strip()).casefold()
        letter = _ANSWERS.get(word, "") if word else default
        if letter and letter in choices:
            return letter


def may_remove() -> bool:
    """Ask whether what was just listed shall go. Raises UsageError where nobody can be asked."""
    from gptoss_cli.errors import UsageError
    from gptoss_cli.ui.say import say

    if not can_be_asked():
        raise UsageError("nothing was removed: nobody can be asked.", hint="--yes")
    if agrees("Remove?", default=False):
        return True
    say("nothing was removed.")
    return False
