"""A title that the model gives to a conversation, while nobody waits for it."""

from __future__ import annotations

from typing import Final

from gptoss_cli.chat.aside import answer_to
from gptoss_cli.chat.turn import Chat, said
from gptoss_cli.engine.base import Cancel, Sampling
from gptoss_cli.messages import user
from gptoss_cli.sessions.records import title_of

_REQUEST: Final = (
    "Give our conversation a title of at most six words, in the language we speak. "
    "Write the title only."
)
_MOST_TOKENS: Final = 32
_ROOM_TOKENS: Final = 128
_QUOTES: Final = "\"'“”‘’「」『』*#`. "


def suggest_title(chat: Chat, cancel: Cancel) -> str:
    """Return a title for what was said so far; empty when it was stopped or has no room.

    What is asked stands behind the whole conversation, so that the next question finds all that
    was read for it.
    """
    conversation = chat.settings.conversation((*said(chat.tree.path()), user(_REQUEST)))
    tokens = chat.engine.prompt_tokens(conversation)
    if chat.left_out() or tokens + _ROOM_TOKENS > chat.engine.window_for(tokens):
        return ""
    text = answer_to(
        conversation,
        chat.engine,
        sampling=Sampling(temperature=0.0),
        max_tokens=_MOST_TOKENS,
        thinking=False,
        cancel=cancel,
    )
    lines = [line.strip(_QUOTES) for line in (text or "").splitlines()]
    return title_of(next((line for line in lines if line), ""))
