"""Conversation in, events out, on scripted tokens: what the engine makes of each ending."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest

from gptoss_cli.engine.base import (
    NO_BEGINNING,
    Beginning,
    Cancel,
    Generated,
    GenerationStep,
    Sampling,
)
from gptoss_cli.engine.local import LocalEngine
from gptoss_cli.events import (
    AnalysisDelta,
    Event,
    FinalDelta,
    Finished,
    FinishReason,
    MessageCompleted,
)
from gptoss_cli.harmony.vocabulary import Vocabulary
from gptoss_cli.messages import (
    Channel,
    Conversation,
    DeveloperPrompt,
    Message,
    analysis,
    final,
    user,
)
from tests.support.random_model import MARKERS, byte_tokens

VOCABULARY = Vocabulary([*byte_tokens(), *MARKERS], [1] * 256 + [3] * len(MARKERS))


def ids(text: str) -> list[int]:
    """Tokens of `text`, in which markers are control tokens."""
    tokens = []
    while text:
        marker = next((m for m in MARKERS if text.startswith(m)), None)
        if marker:
            tokens.append(VOCABULARY.control(marker))
            text = text[len(marker) :]
        else:
            tokens += VOCABULARY.encode(text[0])
            text = text[1:]
    return tokens


class Script:
    """Yields the tokens of a text, then says why it ended; obeys Cancel as the real one does."""

    def __init__(self, text: str, reason: FinishReason = FinishReason.STOP) -> None:
        self._tokens = ids(text)
        self._reason = reason
        self.sent = 0
        self.prompt: list[int] = []

    def window_for(self, _prompt_tokens: int) -> int:
        return 1000

    def prefill(
        self,
        prompt: Sequence[int],
        *,
        cancel: Cancel,
        beginning: Beginning = NO_BEGINNING,
        turn_starts: Sequence[int] = (),
    ) -> None:
        self.prompt, self.turn_starts = list(prompt), list(turn_starts)
        self.beginning = beginning

    def generate(
        self,
        prompt: Sequence[int],
        *,
        sampling: Sampling,
        stop: frozenset[int],
        max_tokens: int | None,
        cancel: Cancel,
        constraint: object = None,
        beginning: Beginning = NO_BEGINNING,
        turn_starts: Sequence[int] = (),
    ) -> Iterator[GenerationStep]:
        self.prompt, self.beginning = list(prompt), beginning
        self.turn_starts = list(turn_starts)
        reason = self._reason
        for token in self._tokens:
            if cancel.is_set():
                reason = FinishReason.CANCELLED
                break
            self.sent += 1
            yield token
            if token in stop:
                break
        yield Generated(
            reason=reason,
            prompt_tokens=len(prompt),
            cached_tokens=len(prompt) - 10,
            completion_tokens=self.sent,
            prefill_s=2.0,
            decode_s=4.0,
        )

    def close(self) -> None:
        pass


class Scripts:
    """A script for each time that the model is asked to go on."""

    def __init__(self, *texts: str, window: int = 1000) -> None:
        self._texts = iter(texts)
        self._window = window
        self.prompts: list[list[int]] = []

    def window_for(self, _prompt_tokens: int) -> int:
        return self._window

    def generate(self, prompt: Sequence[int], **options) -> Iterator[GenerationStep]:
        self.prompts.append(list(prompt))
        yield from Script(next(self._texts)).generate(prompt, **options)

    def close(self) -> None:
        pass


def answer(
    script: Script | Scripts,
    cancel: Cancel | None = None,
    *,
    thinking: bool = True,
    meanwhile: Callable[[Event], None] = lambda _event: None,
) -> tuple[str, Finished, list[Event]]:
    engine = LocalEngine(script, VOCABULARY)
    events = []
    for event in engine.answer(
        Conversation(messages=(user("hi"),)),
        sampling=Sampling(),
        max_tokens=None,
        cancel=cancel or Cancel(),
        thinking=thinking,
    ):
        events.append(event)
        meanwhile(event)
    said = "".join(event.text for event in events if isinstance(event, FinalDelta))
    assert isinstance(events[-1], Finished)
    return said, events[-1], events


GOOD = "<|channel|>analysis<|message|>think<|end|><|start|>assistant<|channel|>final<|message|>done"


def test_an_answer_with_its_counts_and_rates():
    said, finished, _ = answer(Script(GOOD + "<|return|>"))
    assert said == "done"
    assert finished.reason is FinishReason.STOP
    assert finished.usage.reasoning_tokens == 5
    assert finished.usage.cached_tokens == finished.usage.prompt_tokens - 10
    assert finished.timings.prefill_tps == 5.0
    assert finished.timings.decode_tps == (finished.usage.completion_tokens - 1) / 4.0


@pytest.mark.parametrize("ending", ["<|call|>", "<|return|>"])
def test_a_call_is_told_from_an_answer(ending):
    call = "<|channel|>commentary to=functions.f<|message|>{}"
    assert answer(Script(call + ending))[1].reason is FinishReason.TOOL_CALLS


def test_out_of_tokens():
    said, finished, events = answer(Script(GOOD, FinishReason.LENGTH))
    assert (said, finished.reason) == ("done", FinishReason.LENGTH)
    (last,) = [e for e in events if isinstance(e, MessageCompleted)][-1:]
    assert (last.complete, last.message.channel) == (False, Channel.FINAL)


def test_stopped():
    cancel = Cancel()
    cancel.set()
    assert answer(Script(GOOD), cancel)[1].reason is FinishReason.CANCELLED


def test_a_model_that_goes_on_as_the_user_is_stopped_and_nothing_of_it_is_shown():
    script = Script(GOOD + "<|end|><|start|>user<|message|>" + "and then " * 200)
    cancel = Cancel()
    said, finished, _ = answer(script, cancel)
    assert (said, finished.reason) == ("done", FinishReason.STOP)
    assert script.sent < 120
    assert not cancel.is_set()


def test_the_prompt_is_the_rendered_conversation():
    script = Script(GOOD)
    answer(script)
    assert script.prompt[:7] == ids("<|start|>system")
    assert script.prompt[-10:] == ids("<|start|>assistant")


ENDLESS = "<|channel|>analysis<|message|>" + "and then " * 50
OPENING = "<|channel|>final<|message|>"


def thinks(cancel: Cancel, *, stop: bool = False) -> Callable[[Event], None]:
    """Ask for the answer, and then perhaps for a stop, once the model thinks."""

    def ask(event: Event) -> None:
        if isinstance(event, AnalysisDelta):
            cancel.answer_now()
            if stop:
                cancel.set()

    return ask


def test_asked_to_answer_now_the_model_goes_on_from_its_thinking_with_the_answer():
    scripts = Scripts(ENDLESS, "done<|return|>")
    cancel = Cancel()
    said, finished, events = answer(scripts, cancel, meanwhile=thinks(cancel))
    assert (said, finished.reason) == ("done", FinishReason.STOP)
    first, second = scripts.prompts
    assert second[: len(first)] == first
    assert second[-len(ids("<|end|><|start|>assistant" + OPENING)) :] == ids(
        "<|end|><|start|>assistant" + OPENING
    )
    messages = [event.message for event in events if isinstance(event, MessageCompleted)]
    assert [message.channel for message in messages] == [Channel.ANALYSIS, Channel.FINAL]
    assert messages[1].tokens == tuple(ids(OPENING + "done"))
    assert finished.usage.prompt_tokens == len(first)
    assert not cancel.is_set()


def test_asked_before_it_thinks_the_model_hardly_does():
    scripts = Scripts(ENDLESS, "done<|return|>")
    cancel = Cancel()
    cancel.answer_now()
    said, finished, _ = answer(scripts, cancel)
    assert said == "done"
    assert finished.usage.reasoning_tokens <= 1


def test_asked_while_it_answers_nothing_changes():
    cancel = Cancel()
    said, finished, _ = answer(
        Script(GOOD + "<|return|>"),
        cancel,
        meanwhile=lambda event: cancel.answer_now() if isinstance(event, FinalDelta) else None,
    )
    assert (said, finished.reason) == ("done", FinishReason.STOP)


def test_a_stop_wins_over_the_wish_for_an_answer():
    cancel = Cancel()
    said, finished, _ = answer(Scripts(ENDLESS), cancel, meanwhile=thinks(cancel, stop=True))
    assert (said, finished.reason) == ("", FinishReason.CANCELLED)


def test_where_the_window_has_no_room_for_an_answer_it_is_cut_off():
    cancel = Cancel()
    asked = Conversation(messages=(user("hi"),))
    prompt_tokens = LocalEngine(Scripts(), VOCABULARY).prompt_tokens(asked)
    scripts = Scripts(ENDLESS, window=prompt_tokens + 20)
    said, finished, _ = answer(scripts, cancel, meanwhile=thinks(cancel))
    assert (said, finished.reason) == ("", FinishReason.LENGTH)


def test_without_thinking_the_answer_is_opened_at_once():
    scripts = Scripts("done<|return|>")
    said, finished, events = answer(scripts, thinking=False)
    assert said == "done"
    assert scripts.prompts[0][-len(ids(OPENING)) :] == ids(OPENING)
    (message,) = [event.message for event in events if isinstance(event, MessageCompleted)]
    assert message.tokens == tuple(ids(OPENING + "done"))
    assert finished.usage.reasoning_tokens == 0


def test_the_prompt_is_shown_as_it_is_with_its_control_tokens_named():
    engine = LocalEngine(Scripts(), VOCABULARY)
    pieces = engine.prompt_pieces(Conversation(messages=(user("<|end|> 안녕"),)))
    assert pieces[0] == ("<|start|>", True)
    assert ("<|end|> 안녕", False) in pieces
    assert pieces[-2:] == [("<|start|>", True), ("assistant", False)]


def test_what_is_read_ahead_is_the_prompt_up_to_the_last_words_of_the_user():
    said = (user("one"), analysis("hm"), final("<|start|>user<|message|>"), user("two"))
    script = Script("")
    engine = LocalEngine(script, VOCABULARY)
    engine.prefill(Conversation(messages=(*said[:-1], user(""))), cancel=Cancel())
    ahead, starts = script.prompt, script.turn_starts
    assert spelled(ahead).endswith("<|end|><|start|>user<|message|>")
    assert len(starts) == 2  # not where the answer spells one
    assert spelled(ahead[: starts[0]]).endswith("<|end|><|start|>user<|message|>")
    list(
        engine.answer(
            Conversation(messages=said), sampling=Sampling(), max_tokens=None, cancel=Cancel()
        )
    )
    assert script.prompt[: len(ahead)] == ahead
    assert spelled(script.prompt[len(ahead) :]) == "two<|end|><|start|>assistant"
    assert script.turn_starts == starts


def beginning_of(
    *messages: Message, opening: str = "", is_private: bool = False, instructions: str = ""
) -> tuple[Beginning, list[str]]:
    """Return where the prompt is cut, and what stands before each cut behind the one before."""
    script = Script("")
    engine = LocalEngine(script, VOCABULARY, is_private=is_private)
    developer = DeveloperPrompt(instructions=instructions) if instructions else None
    conversation = Conversation(developer=developer, messages=messages)
    options = {"sampling": Sampling(), "max_tokens": None, "cancel": Cancel(), "opening": opening}
    list(engine.answer(conversation, **options))
    ends = [0, *script.beginning.ends]
    cut = [spelled(script.prompt[a:b]) for a, b in itertools.pairwise(ends)]
    return script.beginning, cut


DOCUMENT = "File: 메모\n```\n하나\n```\n\n\n"


def test_a_first_prompt_is_cut_behind_its_instructions_and_behind_its_documents():
    beginning, cut = beginning_of(user("what?"))
    assert cut == [cut[0]]
    assert cut[0].endswith("<|start|>user<|message|>")
    assert beginning.keepable_tokens == beginning.ends[0]
    beginning, cut = beginning_of(user(DOCUMENT + "what?"), opening=DOCUMENT)
    assert cut[1] == DOCUMENT
    assert beginning.keepable_tokens == beginning.ends[1]
    assert beginning_of(user(DOCUMENT), opening=DOCUMENT)[1][1] == DOCUMENT


def test_a_later_prompt_is_not_cut():
    assert beginning_of(user("one"), final("1"), user("two"))[0] == NO_BEGINNING
    assert len(beginning_of(user("one"), user(DOCUMENT), opening=DOCUMENT)[0].ends) == 1


def test_of_a_private_run_nothing_of_the_person_may_be_kept():
    opening = {"opening": DOCUMENT, "is_private": True}
    beginning, cut = beginning_of(user(DOCUMENT + "what?"), **opening)
    assert len(cut) == 2
    assert beginning.keepable_tokens == beginning.ends[0]
    assert beginning_of(user(DOCUMENT), instructions="Mine.", **opening)[0].keepable_tokens == 0


def test_a_prompt_without_a_user_is_not_read_ahead():
    script = Script("")
    LocalEngine(script, VOCABULARY).prefill(Conversation(), cancel=Cancel())
    assert script.prompt == []


def spelled(tokens: list[int]) -> str:
    return "".join(text for text, _ in VOCABULARY.pieces(tokens))
