"""What the keys of a chat do: see ``keys`` for which key does what."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent

from gptoss_cli.repl.dialogue import Dialogue, Doing
from gptoss_cli.repl.typed import Pastes, Sent, is_open_block, without_quotes

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer

    from gptoss_cli.repl.live import LiveFront
    from gptoss_cli.repl.pane import ThinkingPane
    from gptoss_cli.repl.work import Work


class Keyboard:
    """The ``keys.Actions`` of a chat on `front`."""

    def __init__(
        self, front: LiveFront, dialogue: Dialogue, work: Work, pane: ThinkingPane
    ) -> None:
        self._front = front
        self._dialogue = dialogue
        self._work = work
        self._pane = pane
        self._pastes = Pastes()
        self._is_asked_to_leave = False

    @property
    def is_busy(self) -> bool:
        """Whether an answer or a command goes on."""
        return self._work.is_busy

    @property
    def is_pane_open(self) -> bool:
        """Whether thinking is shown above the input."""
        return self._pane.is_open

    def send(self, buffer: Buffer) -> None:
        """Send what is typed; with nothing typed, have the answer now if the model thinks."""
        self._is_asked_to_leave = False
        if not buffer.text.strip():
            if self._dialogue.doing is Doing.THINKING:
                self._work.cancel.answer_now()
            else:
                self._end_edit(buffer)
            return
        if is_open_block(buffer.text):
            buffer.insert_text("\n")
            return
        sent = self._sent(buffer)
        if sent.text.strip():
            buffer.history.append_string(sent.for_history)
            buffer.reset()
            self._work.send(sent)
            self._front.refresh()

    def _sent(self, buffer: Buffer) -> Sent:
        typed = without_quotes(buffer.text)
        return Sent(
            self._pastes.whole(typed),
            typed,
            is_block=typed != buffer.text,
            is_edit=self._dialogue.edited is not None,
        )

    def _end_edit(self, buffer: Buffer) -> None:
        """Send nothing, which leaves a question that is edited as it was."""
        buffer.reset()
        if self._dialogue.edited is not None:
            self._work.send(Sent("", ""))

    def stop(self, buffer: Buffer) -> None:
        """Stop what goes on; what waits behind it is not sent, and can be sent again."""
        taken_back = self._work.stop()
        if len(taken_back) == 1 and not buffer.text:
            buffer.text = taken_back[0].for_input
            buffer.cursor_position = len(buffer.text)
        elif taken_back:
            for sent in taken_back:  # for later chats, too
                self._front.note_unsent(sent)
            count = "1 message is" if len(taken_back) == 1 else f"{len(taken_back)} messages are"
            self._front.say(f"{count} not sent; ↑ brings back what was typed")
        self._front.refresh()

    def interrupt(self, buffer: Buffer) -> None:
        """Stop what goes on, else drop what is typed and end an edit, else, the second time,
        leave.
        """
        if self.is_busy and not self._work.cancel.is_set():
            self.stop(buffer)
        elif buffer.text or self._dialogue.edited is not None:
            self._is_asked_to_leave = False
            if buffer.text:  # dropped is not lost: the arrow keys bring it back
                self._front.remember(self._sent(buffer).for_history)
            self._end_edit(buffer)
        elif self._is_asked_to_leave or self.is_busy:
            self.leave()
        else:
            self._is_asked_to_leave = True
            self._front.say("Ctrl-C again or Ctrl-D leaves.")

    def leave(self) -> None:
        """End the chat."""
        self._front.leave()

    def paste(self, buffer: Buffer, text: str) -> None:
        """Put pasted text into the input, a long one as a word."""
        buffer.insert_text(self._pastes.shown(text))

    def rub_out(self, buffer: Buffer) -> bool:
        """Remove the word of a paste in front of the cursor; False if there is none."""
        word = self._pastes.around(buffer.text, buffer.cursor_position)
        if word is None:
            return False
        buffer.delete_before_cursor(word[1] - word[0])
        return True

    def edit(self, buffer: Buffer) -> None:
        """Open an editor on what is typed."""
        self._front.edit_input(self._pastes.whole(buffer.text))

    def toggle_thinking(self) -> None:
        """Open or close the thinking."""
        self._pane.toggle()
        self._front.redraw()

    def scroll_thinking(self, rows: int) -> None:
        """Scroll the thinking up by `rows`, down if negative."""
        self._pane.scroll(rows)
        self._front.redraw()

    def turn_thinking(self, step: int) -> None:
        """Show the thinking of a turn `step` earlier, later if negative."""
        self._pane.turn(step)
        self._front.redraw()

    def complete(self, buffer: Buffer) -> None:
        """Complete what is typed, or show what it may become."""
        event = CompleteEvent(completion_requested=True)
        found = list(islice(buffer.completer.get_completions(buffer.document, event), 2))
        if len(found) == 1:
            # At once: an Enter that follows sends what it has become.
            buffer.apply_completion(found[0])
        elif found:
            buffer.start_completion(insert_common_part=True)

    def clear(self) -> None:
        """Clear the screen."""
        self._front.clear()
