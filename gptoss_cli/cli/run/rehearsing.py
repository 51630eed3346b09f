"""What would be asked, exactly, without asking it: ``--dry-run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gptoss_cli.cli.run.asking import say_cost
from gptoss_cli.cli.run.wanted import Shape
from gptoss_cli.ui import status
from gptoss_cli.ui.area import Output
from gptoss_cli.ui.records import VERSION, json_text
from gptoss_cli.ui.sanitize import sanitize
from gptoss_cli.ui.say import say

if TYPE_CHECKING:
    from gptoss_cli.chat.turn import Chat, Prepared
    from gptoss_cli.cli.run.asking import Question
    from gptoss_cli.cli.run.wanted import Wanted
    from gptoss_cli.ui.terminal import Environment


def rehearse(
    chat: Chat, prepared: Prepared, question: Question, wanted: Wanted, screen: Environment
) -> None:
    """Print the prompt on standard output, and on standard error what it counts.

    With a shape for programs: all of it in one object.
    """
    engine = chat.engine
    prompt_tokens = engine.prompt_tokens(prepared.fitted.conversation)
    window = engine.window_for(prompt_tokens)
    pieces = engine.prompt_pieces(prepared.fitted.conversation)
    dropped = prepared.fitted.newly_dropped
    documents = [(d, engine.text_tokens(d.text)) for d in question.documents]
    output = Output(screen.stdout)
    if wanted.shape is not Shape.TEXT:
        content: dict[str, Any] = {
            "type": "prompt",
            "version": VERSION,
            "prompt": "".join(text for text, _ in pieces),
            "prompt_tokens": prompt_tokens,
            "context_window": window,
            "dropped_turns": dropped,
            "documents": [
                {"name": d.name, "lines": d.lines, "tokens": tokens, "note": d.note}
                for d, tokens in documents
            ],
        }
        output.write(json_text(content) + "\n")
        return
    # In a pipe the prompt is written as it is; a terminal is shown what it would obey.
    output.write(
        "".join(
            text if is_control or not screen.stdout_tty else sanitize(text)
            for text, is_control in pieces
        )
        + "\n"
    )
    for document, tokens in documents:
        say_cost(document, tokens)
    if dropped:
        say(status.dropped(dropped))
    left = f"{window - prompt_tokens:,} left for thinking and answer"
    say(f"prompt {status.tokens(prompt_tokens)} · context {window:,} · {left}")
