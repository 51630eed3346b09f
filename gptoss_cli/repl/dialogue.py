"""A line typed in a chat, and what becomes of it: a message, a command, an answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from gptoss_cli.chat.titling import suggest_title
from gptoss_cli.chat.turn import Prepared
from gptoss_cli.errors import GptossError, SessionError
from gptoss_cli.events import AnalysisDelta, Event, FinalDelta, FinishReason, PromptProgress
from gptoss_cli.messages import Channel
from gptoss_cli.repl import attaching
from gptoss_cli.repl.pane import Thinking
from gptoss_cli.repl.replay import heading_rows, thinking_of, turn_rows
from gptoss_cli.sessions.records import title_of, words_of

if TYPE_CHECKING:
    from gptoss_cli.chat.settings import ChatSettings
    from gptoss_cli.chat.tree import Turn
    from gptoss_cli.chat.turn import Chat
    from gptoss_cli.documents.document import Document
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.repl.front import Front
    from gptoss_cli.repl.services import Services
    from gptoss_cli.repl.typed import Sent
    from gptoss_cli.sessions.records import SessionInfo, StoredMessage


_LEFT_OUT: Final = "the question was not read to its end and is left out; ↑ brings it back"
_COMPLETED_TITLES: Final = 200
_SHOWN_TURNS: Final = 2  # of a conversation that is opened


class Doing(Enum):
    """What goes on."""

    NOTHING = auto()
    WORKING = auto()
    THINKING = auto()
    ANSWERING = auto()


@dataclass(frozen=True, slots=True)
class Status:
    """What the status line tells; tokens, and tokens per second of the last answer or 0.
    ``context_used`` is None until it has been counted.
    ``attached`` is the number of documents that go with the next message, ``edited`` that of the
    question which it replaces, or 0.
    """

    model: str
    effort: str
    context_used: int | None
    context_window: int
    decode_tps: float
    title: str
    attached: int = 0
    edited: int = 0


@dataclass(frozen=True, slots=True)
class Edit:
    """A question that the next message replaces, and the number of its turn."""

    number: int
    question: StoredMessage


class Dialogue:
    """One chat at one terminal. ``enter`` and all below it belong to the thread that works; what
    the screen reads meanwhile are single values: ``status``, ``doing``, ``thoughts``.
    """

    def __init__(
        self,
        chat: Chat,
        front: Front,
        *,
        services: Services,
        command: Callable[[Dialogue, str, Cancel], None],
        resumed: SessionInfo | None = None,
        given: frozenset[str] = frozenset(),
        weights: str = "",
    ) -> None:
        self.chat = chat
        self.front = front
        self.services = services
        self.weights = weights  # how those of the model were loaded, and why so
        self.doing = Doing.NOTHING
        self.effort_once = ""  # for the next message only
        self.title = ""  # one that is not made of the first question
        self.title_is_own = False
        self._is_titled = False
        self.heads: list[int | None] = []  # where /redo goes back to
        self.edited: Edit | None = None
        self.titles: list[str] = []  # of the conversations that are kept, for completion
        self.typed: list[str] = []  # the lines that were sent in this conversation
        self.attached: list[Document] = []  # sent with the next message
        self.listed: list[str] = []  # the sessions of the last list, for /open N
        self._command = command
        self._resumed = resumed
        self._given = given
        self.status = self._described(None)

    def begin(self) -> None:
        """Take up a stored conversation, if there is one to go on with, and measure the window."""
        info, self._resumed = self._resumed, None
        if info is not None:
            try:
                self.open(info, given=self._given)
            except GptossError as error:
                self.front.show_error(error)
        self.measure()

    def hurry(self) -> None:
        """Let nothing take long from now on: the person leaves. For any thread."""
        self.chat.keeper.hurry()

    def end(self) -> str:
        """Keep what is not kept yet; return what the person should know, or nothing."""
        self.chat.keep()
        if not self.chat.keeper.has_failed:
            return ""
        return "note: the last of what was said could not be kept."

    def begin_anew(self, *, forgets: bool = False) -> None:
        """Turn to a new conversation; nothing of the present one goes along."""
        self.tell(self.chat.begin_anew(forgets=forgets))
        self._leave_behind()

    def _leave_behind(self) -> None:
        self.name("")
        self.effort_once = ""
        self.attached = []
        self.typed = []
        self.edited = None
        self.heads.clear()

    def open(self, info: SessionInfo, *, given: frozenset[str] = frozenset()) -> None:
        """Go on with the stored session `info` and show its last turns; settings that are `given`
        stay as they are. Raises SessionError.
        """
        chat = self.chat
        assert chat.keeper.store is not None
        self.tell(chat.keep())  # it may be the present one that is opened
        if not chat.keeper.has_all_of(info.id, chat.tree, chat.settings):
            raise SessionError("its last messages are not kept yet.", hint="/open once it is kept")
        session = chat.keeper.store.load(info.id)
        self.tell(chat.take_up(session, given))
        self._leave_behind()
        self.name(info.title, is_own=info.title_is_own)
        self._is_titled = len(chat.tree.turns()) > 1
        self.show_last_turns(_SHOWN_TURNS, title=info.title)

    def enter(self, sent: Sent, cancel: Cancel) -> None:
        """Do what was sent: a message is answered, a line with a slash is a command, and nothing
        ends an edit.

        What cannot be done is shown.
        """
        if not sent.text.strip():
            self.end_edit()
            self.measure()
            return
        self._does(Doing.WORKING)
        self.typed += {sent.text, sent.for_history}
        self.front.note_typed(sent.for_history, self.chat.keeper.ids[-1])
        self.front.echo(sent.text)
        try:
            if sent.is_command:
                self._do_command(sent.text, cancel)
            else:
                edit = self.edited if sent.is_edit else None
                self.ask(sent.message, cancel, typed=sent.typed, edit=edit)
        except GptossError as error:
            self.front.show_error(error)
        finally:
            self.doing = Doing.NOTHING
            self.measure()

    def _do_command(self, line: str, cancel: Cancel) -> None:
        """Do a command; one that moves the conversation ends an edit that was open before it."""
        edited, tree, head_id = self.edited, self.chat.tree, self.chat.tree.head_id
        try:
            self._command(self, line, cancel)
        finally:
            is_moved = self.chat.tree is not tree or tree.head_id != head_id
            if is_moved and self.edited is edited:
                self.end_edit()

    def begin_edit(self, edit: Edit) -> None:
        """Let the next message replace a question."""
        if self.edited is not None and self.edited.question is not edit.question:
            self.end_edit()
        self.edited = edit

    def end_edit(self) -> None:
        """Leave the question that is edited, if one is, as it was."""
        edited, self.edited = self.edited, None
        if edited is not None:
            self.front.say(f"question {edited.number} stays as it is.")

    def ask(self, text: str, cancel: Cancel, *, typed: str = "", edit: Edit | None = None) -> None:
        """Send `text` to the model, with the documents attached before and those that `typed`, what
        of it the person typed, mentions, in the place of the question that is edited (`edit`); and
        show the answer. Raises GptossError.

        What was left out, because it was stopped before it was read, leaves all as it was.
        """
        mentioned = attaching.mentioned(self, typed, cancel)
        attached = [*self.attached, *(d for d in mentioned if d.fenced() not in text)]
        whole = "\n\n".join([text, *(document.fenced() for document in attached)])
        prepared = self._prepared(whole, edit)
        waiting, self.attached = self.attached, []
        effort_once, self.effort_once = self.effort_once, ""
        if edit is not None:
            self.edited = None
        try:
            self.answer(prepared, cancel)
        finally:
            if self.chat.was_left_out(prepared):
                self.attached, self.effort_once = waiting, effort_once
                if waiting:
                    self.front.say("its files go with the next message. /file clear drops them.")
                if edit is not None:
                    self.edited = edit
                    self.go_back()

    def _prepared(self, whole: str, edit: Edit | None) -> Prepared:
        """Put a message to the conversation, in the place of the question that it replaces."""
        if edit is None:
            return self.chat.prepare(whole, self._settings_once())
        self.remember_head()
        self.chat.move(edit.question.parent_id)
        try:
            return self.chat.prepare(whole, self._settings_once())
        except GptossError:
            self.go_back()
            raise

    def ask_again(self, cancel: Cancel) -> None:
        """Have the question at the head answered once more. Raises GptossError."""
        prepared = self.chat.prepare_again(self._settings_once())
        effort_once, self.effort_once = self.effort_once, ""
        try:
            self.answer(prepared, cancel)
        finally:
            if self.chat.tree.head_id == prepared.parent_id:  # it was not read to its end
                self.effort_once = effort_once

    def _settings_once(self) -> ChatSettings:
        settings = self.chat.settings
        return settings.with_effort(self.effort_once) if self.effort_once else settings

    def answer(self, prepared: Prepared, cancel: Cancel) -> None:
        """Show the answer to a question that fits."""
        self.front.begin_answer()
        try:
            for event in self._watched(self.chat.answer(prepared, cancel)):
                self.front.feed(event)
        finally:
            self.front.end_answer()
            self.tell(self.chat.keep(briefly=True))
            is_left_out = self.chat.was_left_out(prepared)
            if is_left_out:
                self.front.say(_LEFT_OUT)
        if not is_left_out and self._has_no_answer():
            self.front.say("the model came to no answer. /regen asks again.")

    def _has_no_answer(self) -> bool:
        last, path = self.chat.last, self.chat.tree.path()
        was_stopped = last is not None and last.reason is not FinishReason.STOP
        return bool(path) and not was_stopped and path[-1].message.channel is not Channel.FINAL

    def name(self, title: str, *, is_own: bool = False) -> None:
        """Call the conversation `title` from now on; nothing: by its first question."""
        self.title, self.title_is_own, self._is_titled = title, is_own, False

    def prefill(self, cancel: Cancel) -> None:
        """Use the time in which the person reads and types: let the model read all that the next
        question will stand behind. Nothing of it is seen.
        """
        if self.edited is not None or not self.services.may_prefill():
            return  # what is edited may stay as it is, with all that follows it
        with contextlib.suppress(GptossError):  # the next question will say what is wrong
            self.chat.prefill(cancel, self._settings_once())

    def suggest_title(self, cancel: Cancel) -> None:
        """Let the model find a title for what was said, once, while nobody waits for it."""
        if self._is_titled or self.title_is_own or not self.services.titles:
            return
        if self.chat.last is None or not self.chat.tree.turns():
            return
        try:
            title = suggest_title(self.chat, cancel)
        except GptossError:  # the next question will say what is wrong
            title = ""
        self._is_titled = not cancel.is_set()
        if title:
            self.title = title
            store, session_id = self.chat.keeper.store, self.chat.keeper.session_id
            if store is not None and session_id is not None and not self.chat.keeper.has_failed:
                with contextlib.suppress(SessionError):
                    store.suggest_title(session_id, title)
            self.measure()

    def change(self, settings: ChatSettings) -> None:
        """Hold the conversation with other settings from now on."""
        self.chat.settings = settings
        self.tell(self.chat.keep())

    def tell(self, notice: str) -> None:
        """Show a sentence, if there is one."""
        if notice:
            self.front.say(notice)

    def go(self, head_id: int | None) -> None:
        """Go on from another message; /redo comes back."""
        self.remember_head()
        self.chat.move(head_id)
        self.tell(self.chat.keep())

    def go_back(self) -> None:
        """Go where ``remember_head`` was called last."""
        self.chat.move(self.heads.pop())
        self.tell(self.chat.keep())

    def remember_head(self) -> None:
        """Let /redo come back to where the conversation is now."""
        self.heads.append(self.chat.tree.head_id)

    def show_turn(self, turn: Turn) -> None:
        """Show a turn of the conversation again."""
        front = self.front
        front.show(turn_rows(turn, front.width(), front.look))

    def show_last_turns(self, count: int, *, title: str = "") -> None:
        """Show the last `count` turns, below a line that says how many there are before."""
        front = self.front
        turns = self.chat.tree.turns()
        shown = turns[-count:] if count else []
        if title or len(shown) < len(turns):
            front.show(heading_rows(title or "…", turns, len(shown), front.width()))
        for turn in shown:
            self.show_turn(turn)

    def thoughts(self) -> list[Thinking]:
        """Return the thinking of every turn that has some, the last turn's last."""
        found = (thinking_of(turn) for turn in self.chat.tree.turns())
        return [thought for thought in found if thought is not None]

    def measure(self) -> None:
        """Bring the status up to date. Counts tokens: not for the thread of the screen."""
        store = self.chat.keeper.store
        if store is not None and not self.chat.keeper.has_failed:
            with contextlib.suppress(SessionError):
                self.titles = [info.title for info in store.sessions(limit=_COMPLETED_TITLES)]
        self.status = self._described(self.chat.context_used())
        self.front.refresh()

    def _described(self, context_used: int | None) -> Status:
        chat = self.chat
        return Status(
            model=chat.settings.model.rpartition("/")[2],
            effort=self.effort_once or chat.settings.effort_name,
            context_used=context_used,
            context_window=chat.engine.window_for(context_used or 0),
            decode_tps=chat.last.timings.decode_tps if chat.last else 0.0,
            title=self.title or self._question_title(),
            attached=len(self.attached),
            edited=self.edited.number if self.edited else 0,
        )

    def _question_title(self) -> str:
        turns = self.chat.tree.turns()
        question = turns[0].question if turns else None
        return title_of(words_of(question.message.content)) if question else ""

    def _watched(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            match event:
                case AnalysisDelta():
                    self._does(Doing.THINKING)
                case FinalDelta():
                    self._does(Doing.ANSWERING)
                case PromptProgress(_, total_tokens):
                    self._reads(total_tokens)
                case _:
                    pass
            yield event

    def _does(self, doing: Doing) -> None:
        if doing is not self.doing:
            self.doing = doing
            self.front.refresh()

    def _reads(self, total_tokens: int) -> None:
        if self.status.context_used != total_tokens:
            self.status = self._described(total_tokens)
            self.front.refresh()
