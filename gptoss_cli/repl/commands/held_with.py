"""Commands that change what the conversation is held with: model, effort, instructions."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gptoss_cli.chat.numbers import EFFORTS, NUMBERS
from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.errors import GptossError, UsageError
from gptoss_cli.repl import attaching
from gptoss_cli.repl.commands.base import Command, Completes, number_of, plural
from gptoss_cli.repl.dialogue import Dialogue
from gptoss_cli.repl.replay import text_rows
from gptoss_cli.ui import status, theme

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Cancel

_MOST_OF_THE_WINDOW: Final = 0.75


def _model(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    models = dialogue.services.models()
    present = dialogue.chat.settings.model
    if not text:
        lines = [f"{'*' if name == present else ' '} {name}" for name in models]
        lines.append("/model NAME changes to one; gptoss pull gets more.")
        dialogue.front.say("\n".join(lines))
        return
    chat = dialogue.chat
    # Two models may not fit beside each other: the present one goes when the other is checked.
    started = dialogue.services.start(text, chat.close)
    chat.change_engine(started.engine, started.most_context)
    dialogue.weights = started.weights
    dialogue.change(replace(dialogue.chat.settings, model=started.model))
    for note in started.notes:
        dialogue.front.say(note)
    dialogue.front.say(f"now with {started.model} · {started.description}")


def _effort(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    name, _, once = text.lower().partition(" ")
    if not name:
        present = dialogue.chat.settings.effort_name
        dialogue.front.say(f"effort {present}. /effort {'|'.join(EFFORTS)} [once]")
        return
    if name not in EFFORTS or once.strip() not in {"", "once"}:
        near = difflib.get_close_matches(name, EFFORTS, n=1, cutoff=0.3)
        meant = f"did you mean {near[0]}?" if near else "/effort high once"
        raise UsageError(f"the effort is {', '.join(EFFORTS)}, not {text}.", hint=meant)
    old = dialogue.chat.settings
    new = old.with_effort(name)
    if once:
        dialogue.effort_once = name
        dialogue.front.say(f"effort {name} for the next message.")
    else:
        dialogue.effort_once = ""
        dialogue.change(new)
        dialogue.front.say(f"effort {name}.")
    if name == "none":
        dialogue.front.say("gpt-oss was not made to answer without thinking: expect more mistakes.")
    _warn_of_reading(dialogue, old, new)


def _warn_of_reading(dialogue: Dialogue, old: ChatSettings, new: ChatSettings) -> None:
    """Say what a change at the very beginning of the prompt costs, where it costs something."""
    used = dialogue.status.context_used or 0
    if old.conversation().system != new.conversation().system and used > 1000:
        dialogue.front.say(
            f"it stands at the beginning of the prompt: the next answer reads all "
            f"{status.tokens(used)} again."
        )


def _system(dialogue: Dialogue, text: str, cancel: Cancel) -> None:
    front, settings = dialogue.front, dialogue.chat.settings
    word, _, rest = text.partition(" ")
    if not text:
        front.say(settings.instructions or "there are no instructions. /system TEXT gives some.")
        return
    if text == "edit":
        edited = front.edit(settings.instructions)
        if edited is None:
            raise UsageError("the editor was left with a failure: nothing is changed.")
        instructions = edited
    elif text == "clear":
        instructions = ""
    elif text == "file":
        raise UsageError("which file?", hint="/system file PATH")
    elif word == "file":
        documents = attaching.named(dialogue, rest, cancel)
        instructions = "\n\n".join(document.text for document in documents)
    else:
        instructions = text
    changed = replace(settings, instructions=instructions)
    _require_room_for(dialogue, changed)
    dialogue.change(changed)
    lines = instructions.count("\n") + 1
    front.say(f"instructions of {plural(lines, 'line')}." if instructions else "no instructions.")
    used = dialogue.status.context_used or 0
    if instructions != settings.instructions and used > 1000:
        front.say(f"the next answer reads all {status.tokens(used)} of the conversation again.")


def _require_room_for(dialogue: Dialogue, changed: ChatSettings) -> None:
    """Raise UsageError where the instructions would leave no room to talk."""
    engine = dialogue.chat.engine
    size = engine.prompt_tokens(changed.conversation())
    window = engine.window_for(size)
    if size > window * _MOST_OF_THE_WINDOW:
        raise UsageError(
            f"the instructions take {size:,} of the {window:,} tokens of the window.",
            hint="shorter ones, or start with a larger --context",
        )


def _set(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    settings = dialogue.chat.settings
    name, _, value = text.replace("=", " ").partition(" ")
    if not name:
        lines = []
        for known, number in NUMBERS.items():
            present = settings.number(known)
            shown = "none" if present is None else f"{present:g}"
            lines.append(f"{known:<12} {shown:<6} {number.words}")
        dialogue.front.say("\n".join([*lines, "/set NAME VALUE"]))
        return
    if not value.strip() and name in NUMBERS:
        present = settings.number(name)
        dialogue.front.say(f"{name} {'none' if present is None else format(present, 'g')}")
        return
    dialogue.change(settings.with_number(name, value.strip()))
    dialogue.front.say(f"{name} {value.strip()}.")


def _thinking(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    modes = {"on": True, "off": False, "auto": None}
    if text in modes:
        dialogue.front.show_thinking(modes[text])
        dialogue.front.say(f"thinking {text}.")
        return
    thoughts = {thought.turn: thought for thought in dialogue.thoughts()}
    if not thoughts:
        raise UsageError("there is no thinking yet.", hint="/thinking on|off|auto for what comes")
    turns = dialogue.chat.tree.turns()
    number = number_of(text, len(turns), "turn") if text else max(thoughts)
    thought = thoughts.get(number)
    if thought is None:
        raise UsageError(f"turn {number} was answered without thinking.")
    width = dialogue.front.width()
    rows = text_rows(f"{thought.heading()}\n", width, theme.FAINT)
    for row in text_rows(thought.text, width - 2, theme.FAINT):
        rows.append([("  ", theme.PLAIN), *row])
    dialogue.front.show(rows)


def _theme(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    names = list(theme.THEMES)
    if not text:
        present = dialogue.front.look.name
        lines = [f"{'*' if name == present else ' '} {name}" for name in names]
        dialogue.front.say("\n".join([*lines, "/theme NAME; it is remembered."]))
        return
    if text not in names:
        raise UsageError(f"there is no theme {text}.", hint=f"/theme {'|'.join(names)}")
    dialogue.front.use_theme(text)
    try:
        dialogue.services.remember_theme(text)
    except GptossError as error:
        dialogue.front.say(f"theme {text}, for this chat only: {error}")
    else:
        dialogue.front.say(f"theme {text}.")


COMMANDS = (
    Command(
        name="model",
        arguments="[NAME]",
        does="go on with another model",
        run=_model,
        completes=Completes.MODEL,
    ),
    Command(
        name="effort",
        arguments="low|medium|high|none [once]",
        does="how long the model thinks",
        run=_effort,
        completes=Completes.WORD,
        words=EFFORTS,
    ),
    Command(
        name="system",
        arguments="[TEXT|file PATH|edit|clear]",
        does="instructions for the whole conversation",
        run=_system,
        completes=Completes.WORD,
        words=("edit", "file", "clear"),
    ),
    Command(
        name="set",
        arguments="[NAME VALUE]",
        does="temperature, seed and the like",
        run=_set,
        completes=Completes.WORD,
        words=tuple(NUMBERS),
    ),
    Command(
        name="thinking",
        arguments="[N|on|off|auto]",
        does="show the thinking of turn N; on shows it always, off never",
        run=_thinking,
        completes=Completes.WORD,
        words=("on", "off", "auto"),
    ),
    Command(
        name="theme",
        arguments="[NAME]",
        does="how it looks",
        run=_theme,
        completes=Completes.WORD,
        words=tuple(theme.THEMES),
    ),
)
