"""A conversation that goes on: ask, hear the answer as events, remember both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gptoss_cli.chat.context import ContextFitter, Fitted
from gptoss_cli.engine.base import Cancel, Engine, Sampling
from gptoss_cli.events import Event, Finished, FinishReason, MessageCompleted, TurnsDropped
from gptoss_cli.messages import Channel, Conversation, Message, Role, user


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question that fits: the conversation without and with it, and what the model will see."""

    before: Conversation
    asked: Conversation
    fitted: Fitted


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
        most_context: int = 131_072,
    ) -> None:
        """`most_context`: the largest window, in tokens, that the model was trained for."""
        self.conversation = conversation
        self._engine = engine
        self._sampling = sampling
        self._max_tokens = max_tokens
        self._fitter = ContextFitter(most_context)

    def prepare(self, text: str) -> Prepared:
        """Put `text` to the conversation and see that it fits; nothing is remembered yet.

        Takes seconds for megabytes of text. Raises DoesNotFitError when it is too long.
        """
        asked = self.conversation.adding(user(text))
        return Prepared(self.conversation, asked, self._fitter.fit(asked, self._engine))

    def answer(self, prepared: Prepared, cancel: Cancel) -> Iterator[Event]:
        """Yield the answer and remember it; the last event is ``Finished``.

        A question that was stopped before it was read to its end is not remembered: every later
        prompt would have to read it after all.
        """
        asked, fitted = prepared.asked, prepared.fitted
        if fitted.newly_dropped:
            yield TurnsDropped(fitted.newly_dropped)
        self.conversation = asked
        answer: list[Message] = []
        unread = False
        try:
            for event in self._engine.answer(
                fitted.conversation,
                sampling=self._sampling,
                max_tokens=self._max_tokens,
                cancel=cancel,
            ):
                if isinstance(event, MessageCompleted):
                    answer.append(event.message)
                if isinstance(event, Finished) and event.reason is FinishReason.CANCELLED:
                    unread = not answer and not event.usage.completion_tokens
                yield event
        finally:
            whole = asked.adding(*_remembered(answer))
            self.conversation = prepared.before if unread else whole


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
