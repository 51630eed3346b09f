"""A conversation that goes on: ask, hear the answer as events, remember both."""

from __future__ import annotations

from collections.abc import Iterator

from gptoss_cli.chat.context import ContextFitter
from gptoss_cli.engine.base import Cancel, Engine, Sampling
from gptoss_cli.events import Event, MessageCompleted, TurnsDropped
from gptoss_cli.messages import Channel, Conversation, Message, Role, user


class Chat:
    """One conversation with `engine`. ``conversation`` holds all that was said, also by a stopped
    answer, whether or not it still fits the window.
    """

    def __init__(
        self,
        engine: Engine,
        conversation: Conversation,
        *,
        sampling: Sampling,
        max_tokens: int | None,
    ) -> None:
        self.conversation = conversation
        self._engine = engine
        self._sampling = sampling
        self._max_tokens = max_tokens
        self._fitter = ContextFitter()

    def ask(self, text: str, cancel: Cancel) -> Iterator[Event]:
        """Say `text` and yield the answer; the last event is ``Finished``.

        Raises DoesNotFitError, and leaves the conversation as it was, when `text` is too long.
        """
        asked = self.conversation.adding(user(text))
        fitted = self._fitter.fit(asked, self._engine)
        if fitted.newly_dropped:
            yield TurnsDropped(fitted.newly_dropped)
        self.conversation = asked
        answer: list[Message] = []
        try:
            for event in self._engine.answer(
                fitted.conversation,
                sampling=self._sampling,
                max_tokens=self._max_tokens,
                cancel=cancel,
            ):
                if isinstance(event, MessageCompleted):
                    answer.append(event.message)
                yield event
        finally:
            self.conversation = asked.adding(*_remembered(answer))


def _remembered(answer: list[Message]) -> list[Message]:
    """Return what later prompts should know of an answer.

    Thinking that never came to an answer (stopped, out of tokens) would be taken up again by the
    next one, and a call nobody answered would wait for its result: neither stays.
    """
    if any(message.channel is Channel.FINAL for message in answer):
        return answer
    return [
        message
        for message in answer
        if message.role is Role.ASSISTANT
        and message.channel is Channel.COMMENTARY
        and message.recipient is None
    ]
