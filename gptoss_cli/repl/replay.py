"""What was said before, as rows, when a conversation is opened or gone back in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from gptoss_cli.messages import Channel, Role
from gptoss_cli.repl.pane import Thinking
from gptoss_cli.sessions.records import MessageState, StoredMessage
from gptoss_cli.ui import status, theme
from gptoss_cli.ui.cells import Row, wrap
from gptoss_cli.ui.flow import TextFlow
from gptoss_cli.ui.markdown import MarkdownStream
from gptoss_cli.ui.plain import call_line
from gptoss_cli.ui.sanitize import sanitize
from gptoss_cli.ui.say import broken

if TYPE_CHECKING:
    from gptoss_cli.chat.tree import Turn
    from gptoss_cli.ui.theme import Theme

_MOST_QUESTION_ROWS: Final = 12


def question_rows(text: str, width: int, look: Theme) -> list[Row]:
    """Return a question as it stands above its answer: marked, and not too long."""
    rows: list[Row] = []
    for line in sanitize(text).split("\n"):
        rows += wrap([(line.expandtabs(4), theme.PLAIN)], width - 2) or [[]]
        if len(rows) > _MOST_QUESTION_ROWS:
            break
    if len(rows) > _MOST_QUESTION_ROWS:
        count = text.count("\n") + 1
        lines = f"{look.ellipsis} {count:,} line{'s' * (count > 1)}, {len(text):,} characters"
        rows = [*rows[: _MOST_QUESTION_ROWS - 1], [(lines, theme.FAINT)]]
    return [[("  " if i else "> ", theme.MARKER), *row] for i, row in enumerate(rows)]


def markdown_rows(text: str, width: int, look: Theme) -> list[Row]:
    """Return Markdown as rows."""
    stream = MarkdownStream(lambda: width, look)
    stream.feed(sanitize(text))
    stream.finish()
    return stream.take()


def text_rows(text: str, width: int, style: int = theme.PLAIN) -> list[Row]:
    """Return plain text as rows, broken at words."""
    flow = TextFlow(lambda: width, style)
    flow.feed(sanitize(text))
    flow.finish()
    return flow.take()


def line_rows(text: str, width: int, style: int = theme.PLAIN) -> list[Row]:
    """Return the lines of `text` as rows, blanks as they are; commands are not broken."""
    lines = sanitize(text).split("\n")
    return [[(row, style)] for line in lines for row in broken(line, width).split("\n")]


def turn_rows(turn: Turn, width: int, look: Theme) -> list[Row]:
    """Return a turn as it was seen, its thinking as one line."""
    rows: list[Row] = []
    if turn.question is not None:
        rows += question_rows(turn.question.message.content, width, look)
    thought = thinking_of(turn)
    if thought is not None and thought.tokens:
        line = status.thought(thought.duration_s, thought.tokens, look.dot)
        rows += wrap([(f"{line}  (/thinking {turn.number})", theme.FAINT)], width)
    for stored in turn.answer:
        rows += _answer_rows(stored, width, look)
    return rows


def _answer_rows(stored: StoredMessage, width: int, look: Theme) -> list[Row]:
    message = stored.message
    stopped = [] if stored.state is MessageState.COMPLETE else [(status.STOPPED, theme.FAINT)]
    if message.channel is Channel.ANALYSIS:
        return [stopped] if stopped else []
    if message.role is Role.TOOL:
        return text_rows(message.content, width, theme.FAINT)
    if message.recipient is not None:
        return wrap([(call_line(message.recipient, message.content, look), theme.FAINT)], width)
    rows = markdown_rows(message.content, width, look)
    return [*rows, stopped] if stopped else rows


def heading_rows(text: str, turns: Sequence[Turn], shown: int, width: int) -> list[Row]:
    """Return the line above the last `shown` of `turns` of a conversation called `text`."""
    line = f"{sanitize(text)}"
    earlier = len(turns) - shown
    if earlier > 0:
        line += f": {earlier:,} earlier {'turn' if earlier == 1 else 'turns'} (/show all)"
    return wrap([(line, theme.FAINT)], width)


def thinking_of(turn: Turn) -> Thinking | None:
    """Return the thinking of `turn`, None if there was none."""
    thoughts = [m for m in turn.answer if m.message.channel is Channel.ANALYSIS]
    if not thoughts:
        return None
    usages = [thought.usage or {} for thought in thoughts]
    return Thinking(
        turn.number,
        "\n\n".join(thought.message.content for thought in thoughts),
        round(sum(usage.get("thought_tokens", 0) for usage in usages)),
        sum(usage.get("thought_s", 0) for usage in usages),
        is_going_on=thoughts[-1].state is MessageState.PARTIAL,
    )
