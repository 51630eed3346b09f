"""A conversation that goes on: ask, hear the answer as events, keep both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gptoss_cli.characters import hangul_composed
from gptoss_cli.chat.context import ContextFitter, Fitted
from gptoss_cli.chat.keeping import Keeper
from gptoss_cli.chat.recording import Recording
from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.chat.tree import ConversationTree
from gptoss_cli.engine.base import Cancel, Engine
from gptoss_cli.errors import GptossError
from gptoss_cli.events import Event, Finished, FinishReason, Notice, TurnsDropped
from gptoss_cli.messages import Channel, Conversation, Message, Role, user
from gptoss_cli.sessions.records import StoredMessage, StoredSession


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question that fits: below which message it will stand, and what the model will see.

    ``text`` is None when the head, a question already, is to be answered once more. Other
    conversations may begin with its ``opening``.
    """

    text: str | None
    parent_id: int | None
    settings: ChatSettings
    fitted: Fitted
    opening: str = ""


class Chat:
    """One conversation with `engine`. ``tree`` holds all that was said, also by a stopped answer,
    whether or not it still fits the window. ``last`` is the end of the last answer.
    """

    def __init__(
        self,
        engine: Engine,
        settings: ChatSettings,
        *,
        keeper: Keeper | None = None,
        most_context: int = 131_072,
    ) -> None:
        """`most_context`: the largest window, in tokens, that the model was trained for."""
        self.engine = engine
        self.settings = settings
        self.tree = ConversationTree()
        self.keeper = keeper or Keeper(None)
        self.last: Finished | None = None
        self._untold = ""  # what a person should be told when there is a chance
        self._most_context = most_context
        self._fitter = ContextFitter(most_context)

    @property
    def conversation(self) -> Conversation:
        """What the next question is put to, all turns of it."""
        return self.settings.conversation(said(self.tree.path()))

    def prepare(
        self, text: str, settings: ChatSettings | None = None, *, opening: str = ""
    ) -> Prepared:
        """Put `text` to the conversation and see that it fits; nothing is remembered yet.

        `settings` are for this question only. The text begins with the `opening`, with which others
        may begin, too: documents that are asked about. Takes seconds for megabytes of text. Raises
        DoesNotFitError when it is too long.
        """
        settings = settings or self.settings
        text = hangul_composed(text)
        asked = settings.conversation((*said(self.tree.path()), user(text)))
        fitted = self._fitter.fit(asked, self.engine)
        return Prepared(text, self.tree.head_id, settings, fitted, hangul_composed(opening))

    def prepare_again(self, settings: ChatSettings | None = None) -> Prepared:
        """Have the question at the head answered once more. Raises DoesNotFitError."""
        settings = settings or self.settings
        asked = settings.conversation(said(self.tree.path()))
        return Prepared(None, self.tree.head_id, settings, self._fitter.fit(asked, self.engine))

    def answer(self, prepared: Prepared, cancel: Cancel) -> Iterator[Event]:
        """Yield the answer and remember it, as it comes; the last event is ``Finished``.

        A question that was stopped before it was read to its end, or could not be read, stays a
        branch, and the head goes back: every later prompt would have to read it after all. Raises
        GptossError.
        """
        fitted, settings = prepared.fitted, prepared.settings
        if fitted.newly_dropped:
            yield TurnsDropped(fitted.newly_dropped)
        self.tree.head_id = prepared.parent_id
        if prepared.text is not None:
            self.tree.add(user(prepared.text))
        yield from self._keep(briefly=True)
        recording = Recording(self.tree, settings)
        try:
            for event in self.engine.answer(
                fitted.conversation,
                sampling=settings.sampling,
                max_tokens=settings.max_tokens,
                cancel=cancel,
                thinking=settings.thinking,
                grammar=settings.grammar,
                opening=prepared.opening,
            ):
                recording.take(event)
                if isinstance(event, Finished):
                    self.last = event
                    self._leave_unread(prepared, recording)
                    yield from self._keep()
                elif recording.is_due() and not self.keeper.has_failed:
                    # A store that fails may take seconds to say so, each time.
                    yield from self._keep(briefly=True)
                yield event
        except GptossError:
            if recording.is_empty:
                self._leave_out(prepared)
            raise
        finally:
            recording.end()
            self._untold = self.keep()

    def prefill(self, cancel: Cancel, settings: ChatSettings | None = None) -> None:
        """Have the model read what the next question will stand behind, until `cancel` stops it.

        With the `settings` that the question will be put with. Not with a seed, which promises the
        same text: where it is stopped would decide how sums are rounded. Raises GptossError.
        """
        settings = settings or self.settings
        if settings.sampling.seed is not None:
            return
        awaiting = settings.conversation((*said(self.tree.path()), user("")))
        fitted = self._fitter.preview(awaiting, self.engine)
        self.engine.prefill(fitted.conversation, cancel=cancel)

    def fit(self, conversation: Conversation) -> Conversation:
        """Return `conversation` without the oldest turns that do not fit; nothing is remembered.

        Raises DoesNotFitError.
        """
        return ContextFitter(self._most_context).fit(conversation, self.engine).conversation

    def shown_conversation(self) -> Conversation:
        """Return what the model would be shown now: without the turns that do not fit."""
        return self._fitter.preview(self.conversation, self.engine).conversation

    def change_engine(self, engine: Engine, most_context: int) -> None:
        """Go on with another model; the present engine is closed."""
        self.close()
        self.engine = engine
        self._most_context = most_context
        self._fitter = ContextFitter(most_context)

    def put_away(self) -> None:
        """Let the engine keep what it computed for the conversation, if that is kept itself."""
        session_id = self.keeper.session_id
        if session_id is not None and self.keeper.is_kept():
            self.engine.put_away(self.shown_conversation(), session_id)

    def close(self) -> None:
        """Put the conversation away and close the engine. Can be called twice."""
        self.put_away()
        self.engine.close()

    def keep(self, *, briefly: bool = False) -> str:
        """Write what changed to the store; return what the person should be told, or nothing.

        With `briefly`, no other program is waited for; what is missing is written next time.
        """
        untold, self._untold = self._untold, ""
        notice = self.keeper.keep(self.tree, self.settings, briefly=briefly)
        return "\n".join(filter(None, (untold, notice)))

    def was_left_out(self, prepared: Prepared) -> bool:
        """Whether the question was stopped before it was read to its end."""
        return prepared.text is not None and self.tree.head_id == prepared.parent_id

    def move(self, head_id: int | None) -> None:
        """Go on from another message of the tree."""
        self.tree.head_id = head_id
        self._fitter.reset()

    def begin_anew(self, tree: ConversationTree | None = None, *, forgets: bool = False) -> str:
        """Turn to another conversation; the present one stays as it is kept, or will be as soon as
        it can, unless it is to be forgotten. Return what the person should be told, or nothing.
        """
        notice = "" if forgets else self.keep()
        if not forgets:
            self.put_away()
        self.keeper.leave(self.tree, self.settings, forgets=forgets)
        self.tree = tree or ConversationTree()
        self.last = None
        self._fitter.reset()
        return notice

    def take_up(self, session: StoredSession, given: frozenset[str] = frozenset()) -> str:
        """Go on with a stored session; settings that are `given` stay as they are. Return what the
        person should be told, or nothing.
        """
        tree = ConversationTree(session.messages, session.head_id)
        notice = self.begin_anew(tree)
        self.settings = self.settings.resumed(session.settings, given)
        self.keeper.resume(session.info, tree, self.settings)
        return notice

    def context_used(self) -> int:
        """Return how many tokens the conversation takes of the window now."""
        return self.engine.prompt_tokens(self.shown_conversation())

    def left_out(self) -> int:
        """Return how many of the oldest turns no longer are in the prompt."""
        preview = self._fitter.preview(self.conversation, self.engine)
        return self._fitter.dropped_turns + preview.newly_dropped

    def _leave_unread(self, prepared: Prepared, recording: Recording) -> None:
        finished = self.last
        is_stopped = finished is not None and finished.reason is FinishReason.CANCELLED
        is_read = not recording.is_empty or (finished and finished.usage.completion_tokens)
        if prepared.text is not None and is_stopped and not is_read:
            self._leave_out(prepared)

    def _leave_out(self, prepared: Prepared) -> None:
        """Go back behind a question; the turns that had to go for it are there again."""
        self.tree.head_id = prepared.parent_id
        self._fitter.dropped_turns -= prepared.fitted.newly_dropped

    def _keep(self, *, briefly: bool = False) -> Iterator[Event]:
        notice = self.keep(briefly=briefly)
        if notice:
            yield Notice(notice)


def said(path: Iterable[StoredMessage]) -> tuple[Message, ...]:
    """Return what later prompts know of the messages of `path`.

    Thinking that never came to an answer (stopped, out of tokens) would be taken up again by the
    next one, and a call nobody answered would wait for its result: neither is told.
    """
    kept: list[Message] = []
    answer: list[Message] = []
    for stored in path:
        if stored.message.role is Role.USER:
            kept += _remembered(answer)
            kept.append(stored.message)
            answer = []
        else:
            answer.append(stored.message)
    return (*kept, *_remembered(answer))


def _remembered(answer: list[Message]) -> list[Message]:
    if any(message.channel is Channel.FINAL for message in answer):
        return answer
    return [
        message
        for message in answer
        if message.role is Role.ASSISTANT
        and message.channel is Channel.COMMENTARY
        and message.recipient is None
    ]
