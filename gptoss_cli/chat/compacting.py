"""The oldest turns summed up by the model, on a branch of its own: the whole stays as it is."""

from __future__ import annotations

from typing import Final

from gptoss_cli.chat.aside import answer_to
from gptoss_cli.chat.tree import Turn
from gptoss_cli.chat.turn import Chat, said
from gptoss_cli.engine.base import Cancel
from gptoss_cli.errors import GptossError
from gptoss_cli.messages import user

SUMMARY_HEADING: Final = "Summary of our conversation so far:"
_REQUEST: Final = (
    "Sum up our conversation so far for yourself, in the language we speak: what I want, what was "
    "found out and decided, names, numbers, files and code that will be needed. At most 300 words."
)
_KEPT_TURNS: Final = 2
_MOST_TOKENS: Final = 4096  # thinking included


def compact(chat: Chat, cancel: Cancel) -> int | None:
    """Have the turns but the last two summed up; return how many, or None if it was stopped.

    The summary begins a branch, on which the last turns follow. Raises GptossError when the model
    writes none, or what is to be summed up does not fit the window.
    """
    turns = chat.tree.turns()
    kept = turns[-min(_KEPT_TURNS, len(turns) - 1) :]
    old = turns[: len(turns) - len(kept)]
    summary = _summary(chat, old, cancel)
    if summary is None:
        return None
    chat.move(None)
    chat.tree.add(user(f"{SUMMARY_HEADING}\n\n{summary}"))
    for turn in kept:
        for stored in turn.messages:
            chat.tree.add(
                stored.message,
                state=stored.state,
                model=stored.model,
                effort=stored.effort,
                usage=stored.usage,
            )
    return len(old)


def _summary(chat: Chat, turns: list[Turn], cancel: Cancel) -> str | None:
    # As in the conversation: with another effort all of it would have to be read again.
    settings = chat.settings
    messages = said(stored for turn in turns for stored in turn.messages)
    fitted = chat.fit(settings.conversation((*messages, user(_REQUEST))))
    text = answer_to(
        fitted,
        chat.engine,
        sampling=settings.sampling,
        max_tokens=_MOST_TOKENS,
        thinking=settings.thinking,
        cancel=cancel,
    )
    if text is not None and not text.strip():
        raise GptossError("the model wrote no summary.", hint="/compact again")
    return text and text.strip()
