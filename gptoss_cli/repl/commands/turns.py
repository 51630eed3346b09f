"""Commands that go back, forth and sideways in the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gptoss_cli.errors import GptossError, UsageError
from gptoss_cli.messages import Role
from gptoss_cli.repl.commands.base import Command, number_of, plural, turn_of
from gptoss_cli.repl.dialogue import Dialogue, Edit
from gptoss_cli.repl.typed import as_typed
from gptoss_cli.sessions.records import title_of, words_of

if TYPE_CHECKING:
    from gptoss_cli.chat.tree import Turn
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.sessions.records import StoredMessage


def _regen(dialogue: Dialogue, hint: str, cancel: Cancel) -> None:
    turn = turn_of(dialogue, "")
    question = _question(turn)
    dialogue.remember_head()
    try:
        if hint:
            dialogue.chat.move(question.parent_id)
            dialogue.ask(f"{question.message.content}\n\n{hint}", cancel, typed=hint)
        else:
            dialogue.chat.move(question.id)
            dialogue.ask_again(cancel)
    except GptossError:
        dialogue.go_back()
        raise
    if dialogue.chat.tree.head_id in {question.parent_id, question.id}:
        # Stopped before it was read: the answer that there was stays.
        dialogue.go_back()


def _edit(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    turn = turn_of(dialogue, text)
    question = _question(turn)
    dialogue.begin_edit(Edit(turn.number, question))
    if dialogue.front.put(as_typed(question.message.content)):
        dialogue.front.say(
            f"question {turn.number} is in the input: sent, it begins another branch (/redo goes "
            "back); Ctrl-C leaves it as it is."
        )
    else:
        dialogue.front.say(
            f"this is question {turn.number}: the next message takes its place, on another branch "
            "(/redo goes back); an empty line leaves it as it is."
        )


def _undo(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    turns = dialogue.chat.tree.turns()
    count = number_of(text or "1", len(turns), "turn")
    first = turns[-count]
    dialogue.go(first.messages[0].parent_id)
    left = len(turns) - count
    dialogue.front.say(
        f"{plural(count, 'turn')} taken back, {plural(left, 'turn')} left. /redo brings back."
    )
    dialogue.show_last_turns(1)


def _redo(dialogue: Dialogue, _text: str, _cancel: Cancel) -> None:
    if not dialogue.heads:
        raise UsageError("there is nothing to bring back.")
    dialogue.go_back()
    dialogue.show_last_turns(1)


def _branches(dialogue: Dialogue, _text: str, _cancel: Cancel) -> None:
    leaves = dialogue.chat.tree.leaves()
    if not leaves:
        raise UsageError("nothing has been said yet.")
    here = {stored.id for stored in dialogue.chat.tree.path()}
    lines = []
    for number, leaf in enumerate(leaves, 1):
        mark = "*" if leaf in here else " "
        lines.append(f"{mark} {number}  {_described(dialogue, leaf)}")
    lines.append("/branch N goes to one; * is the present one.")
    dialogue.front.say("\n".join(lines))


def _branch(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    tree = dialogue.chat.tree
    leaves = tree.leaves()
    if not text and len(leaves) < 2:
        raise UsageError(
            "there is one branch only.", hint="/edit or /regen begins another; /branches lists them"
        )
    if text:
        number = number_of(text, len(leaves), "branch")
    else:
        here = {stored.id for stored in tree.path()}
        present = next((i for i, leaf in enumerate(leaves) if leaf in here), -1)
        number = (present + 1) % len(leaves) + 1
    dialogue.go(leaves[number - 1])
    dialogue.front.say(f"branch {number} of {len(leaves)}.")
    dialogue.show_last_turns(1)


def _described(dialogue: Dialogue, leaf: int) -> str:
    """Return what the branch that ends in `leaf` is, in a line."""
    path = dialogue.chat.tree.path(leaf)
    questions = [stored for stored in path if stored.message.role is Role.USER]
    last = title_of(words_of(questions[-1].message.content)) if questions else ""
    return f"{plural(len(questions), 'turn')}, the last: {last}"


def _question(turn: Turn) -> StoredMessage:
    if turn.question is None:
        raise UsageError("there is no question to answer again.")
    return turn.question


COMMANDS = (
    Command(
        name="regen",
        arguments="[HINT]",
        does="answer the last question again; a hint is added to it",
        run=_regen,
    ),
    Command(name="edit", arguments="[N]", does="change question N, the last one", run=_edit),
    Command(name="undo", arguments="[N]", does="take back the last N turns", run=_undo),
    Command(name="redo", does="go back to where you were before", run=_redo),
    Command(name="branches", does="list all versions of this conversation", run=_branches),
    Command(name="branch", arguments="[N]", does="go to version N, or the next", run=_branch),
)
