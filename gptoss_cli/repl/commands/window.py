"""Commands about what the model is shown: the prompt, the window, the summary of what is old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gptoss_cli.chat.compacting import compact
from gptoss_cli.chat.turn import said
from gptoss_cli.errors import GptossError, UsageError
from gptoss_cli.repl.commands.base import Command, Completes, plural, turn_of
from gptoss_cli.repl.dialogue import Dialogue
from gptoss_cli.repl.status_line import meter
from gptoss_cli.sessions.records import title_of, words_of
from gptoss_cli.ui import theme
from gptoss_cli.ui.cells import Row, wrap
from gptoss_cli.ui.sanitize import sanitize

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Cancel

_MOST_TURNS: Final = 30


def _show(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    if text == "prompt":
        _show_prompt(dialogue)
    elif text == "all":
        dialogue.show_last_turns(len(dialogue.chat.tree.turns()))
    elif text:
        dialogue.show_turn(turn_of(dialogue, text))
    else:
        dialogue.show_last_turns(1)


def _show_prompt(dialogue: Dialogue) -> None:
    chat = dialogue.chat
    pieces = chat.engine.prompt_pieces(chat.shown_conversation())
    width = dialogue.front.width()
    rows: list[Row] = []
    line: Row = []
    for text, is_control in pieces:
        style = theme.MARKER if is_control else theme.PLAIN
        first, *more = sanitize(text).split("\n")
        line.append((first, style))
        for later in more:
            rows += wrap(line, width) or [[]]
            line = [(later, style)]
    rows += wrap(line, width)
    used = dialogue.status.context_used or 0
    rows.append([(f"{used:,} tokens; what stands in colour is one control token.", theme.FAINT)])
    dialogue.front.show(rows)


def _context(dialogue: Dialogue, _text: str, _cancel: Cancel) -> None:
    chat, engine = dialogue.chat, dialogue.chat.engine
    around = engine.prompt_tokens(chat.settings.conversation())
    turns = chat.tree.turns()
    left_out = chat.left_out()
    lines = [f"{around:>7,}  system message and instructions"]
    shown = turns[-_MOST_TURNS:]
    if len(shown) < len(turns):
        lines.append(f"      …  {plural(len(turns) - len(shown), 'earlier turn')}")
    for turn in shown:
        messages = said(turn.messages)
        size = engine.prompt_tokens(chat.settings.conversation(messages)) - around
        question = title_of(words_of(turn.question.message.content)) if turn.question else ""
        note = "  (left out)" if turn.number <= left_out else ""
        lines.append(f"{size:>7,}  turn {turn.number}: {question}{note}")
    dialogue.measure()
    now = dialogue.status
    lines.append(f"{meter(now.context_used, now.context_window)}")
    if left_out:
        lines.append(f"{plural(left_out, 'turn')} no longer in the prompt; kept all the same.")
    if len(turns) - left_out > 1:
        lines.append(
            f"when it is full, turn {left_out + 1} leaves first. /compact sums up instead."
        )
    dialogue.front.say("\n".join(lines))


def _compact(dialogue: Dialogue, _text: str, cancel: Cancel) -> None:
    turns = dialogue.chat.tree.turns()
    if len(turns) < 2:
        raise UsageError("there is not enough to sum up: it takes two turns or more.")
    before = dialogue.status.context_used or 0
    dialogue.front.say("summing up the oldest turns…")
    title = dialogue.status.title
    dialogue.remember_head()
    try:
        compacted = compact(dialogue.chat, cancel)
    except GptossError:
        dialogue.heads.pop()
        raise
    if compacted is None:
        dialogue.heads.pop()
        raise UsageError("stopped: the conversation is as it was.")
    dialogue.name(title, is_own=dialogue.title_is_own)
    dialogue.tell(dialogue.chat.keep())
    dialogue.show_turn(dialogue.chat.tree.turns()[0])
    dialogue.measure()
    after = dialogue.status.context_used or 0
    dialogue.front.say(
        f"{plural(compacted, 'turn')} summed up: {before:,} tokens became {after:,}. "
        "/redo goes back to the whole."
    )


COMMANDS = (
    Command(
        name="show",
        arguments="[N|all|prompt]",
        does="show turn N again, all, or exactly what the model gets",
        run=_show,
        completes=Completes.WORD,
        words=("prompt", "all"),
    ),
    Command(name="context", does="what fills the window, and what leaves it next", run=_context),
    Command(name="compact", does="have the oldest turns summed up", run=_compact),
)
