"""What a person sees of a stream of tokens, good or damaged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptoss_cli.events import AnalysisDelta, FinalDelta, FinishReason, MessageCompleted
from gptoss_cli.harmony.parse import StreamParser
from gptoss_cli.harmony.render import PromptEncoder, answer_now, open_final, render
from gptoss_cli.harmony.vocabulary import ControlToken, Vocabulary
from gptoss_cli.messages import Channel, Message, user
from tests.harmony.conversations import COMPLETIONS, said
from tests.harmony.damaged import STREAMS
from tests.harmony.streams import many_examples, messages_in, parse, streamed, tokens_of, transcript
from tests.support.random_model import MARKERS, byte_tokens


@pytest.mark.parametrize("name", STREAMS)
def test_stream_reads_as_a_person_would_want(name: str, vocabulary: Vocabulary) -> None:
    stream, wanted = STREAMS[name]
    events, _ = parse(tokens_of(stream, vocabulary), vocabulary)
    assert transcript(events) == wanted
    assert streamed(events) == wanted


@pytest.mark.parametrize("name", COMPLETIONS)
def test_what_the_reference_renders_comes_back(
    name: str, goldens: dict[str, Any], vocabulary: Vocabulary, encoder: PromptEncoder
) -> None:
    golden = goldens["completions"][name]
    events, parser = parse(golden["tokens"], vocabulary)
    messages = messages_in(events)
    assert messages == list(COMPLETIONS[name])
    for ours, theirs in zip(messages, golden["messages"], strict=True):
        assert {field: getattr(ours, field) for field in theirs} == theirs
    is_call = COMPLETIONS[name][-1].recipient is not None
    assert parser.finish_reason is (FinishReason.TOOL_CALLS if is_call else FinishReason.STOP)

    # As history, the same tokens again, up to the end marker of the last message.
    prompt = encoder.encode(render(said(user("?"), *messages)))
    written = golden["tokens"]
    if is_call:
        assert prompt[-len(written) - 2 : -2] == written
    else:
        last = messages[-1].tokens
        assert last is not None
        assert prompt[-len(last) - 3 : -3] == written[-len(last) - 1 : -1] == list(last)


@pytest.mark.parametrize(
    ("header", "content_type"),
    [
        ("<|channel|>commentary to=functions.f <|constrain|>json", "<|constrain|>json"),
        ("<|channel|>commentary to=functions.f<|constrain|>json", "<|constrain|>json"),
        (" to=functions.f<|channel|>commentary <|constrain|> json", "<|constrain|>json"),
        ("<|channel|>commentary to=functions.f json", "json"),
        ("<|channel|>commentaryjson to=functions.f", "json"),
        ("<|channel|>analysis to=python code", "code"),
        ("<|channel|>commentary json<|channel|>commentary to=functions.f", None),
        ("<|channel|>commentary to=functions.f", None),
    ],
)
def test_content_type_is_read(
    header: str, content_type: str | None, vocabulary: Vocabulary
) -> None:
    events, _ = parse(tokens_of(f"{header}<|message|>1<|call|>", vocabulary), vocabulary)
    assert [m.content_type for m in messages_in(events)] == [content_type]


def test_tokens_are_those_between_the_role_and_the_end(vocabulary: Vocabulary) -> None:
    headers = ("<|channel|>analysis<|message|>Hm.", " to=f<|channel|>commentary<|message|>{}")
    stream = "<|end|><|start|>assistant".join(headers)
    events, _ = parse(tokens_of(stream, vocabulary), vocabulary)
    assert [m.tokens for m in messages_in(events)] == [
        tuple(tokens_of(header, vocabulary)) for header in headers
    ]


@pytest.mark.parametrize(
    "stream",
    [
        "Hello.<|end|>",
        "<|channel|>final Hello.<|end|>",
        "<|channel|>final<|message|>4<|message|>2<|end|>",
        "<|channel|>final Here is the answer<|message|>4<|end|>",
        "<|end|><|channel|>final<|message|>4<|end|>",
        "<|start|><|channel|>final<|message|>4<|end|>",
        "<|start|>final<|message|>4<|end|>",
    ],
)
def test_a_repaired_message_is_rendered_anew(stream: str, vocabulary: Vocabulary) -> None:
    events, _ = parse(tokens_of(stream, vocabulary), vocabulary)
    assert [m.tokens for m in messages_in(events)] == [None]


@pytest.mark.parametrize("text", ["👩‍💻", "안녕", "สวัสดี", "नमस्ते"])
def test_a_character_split_over_tokens_is_joined(text: str, vocabulary: Vocabulary) -> None:
    single_bytes = [vocabulary.encode(bytes([b]).decode("latin-1"))[-1] for b in b"!"]
    by_byte = {vocabulary.piece(i): i for i in range(256)}
    stream = tokens_of("<|channel|>final<|message|>", vocabulary)
    stream += [by_byte[bytes([b])] for b in text.encode()] + single_bytes
    events, _ = parse([*stream, vocabulary.control(ControlToken.RETURN)], vocabulary)
    deltas = [e.text for e in events if isinstance(e, FinalDelta)]
    assert "".join(deltas) == text + "!"
    assert "\ufffd" not in "".join(deltas)
    assert len(deltas) == len(text) + 1


def test_broken_bytes_become_replacement_characters_of_their_own_message(
    vocabulary: Vocabulary,
) -> None:
    by_byte = {vocabulary.piece(i): i for i in range(256)}
    first_byte = by_byte["한".encode()[:1]]
    stream = [
        *tokens_of("<|channel|>analysis<|message|>a", vocabulary),
        first_byte,
        *tokens_of("<|end|><|start|>assistant<|channel|>final<|message|>b", vocabulary),
        first_byte,
        by_byte[b"c"],
        first_byte,
    ]
    events, _ = parse(stream, vocabulary)
    assert transcript(events) == ["analysis: a\ufffd", "final: b\ufffdc\ufffd…"]


@pytest.mark.parametrize("word", [" a", "한", "👩"])
def test_a_header_that_does_not_end_is_shown_while_it_is_written(
    word: str, vocabulary: Vocabulary
) -> None:
    parser = StreamParser(vocabulary)
    by_byte = {vocabulary.piece(i): i for i in range(256)}
    stream = [by_byte[bytes([b])] for b in (word * 300).encode()]
    events = [event for token in stream for event in parser.feed(token)]
    assert len([e for e in events if isinstance(e, FinalDelta)]) > 100
    events += parser.finish()
    assert transcript(events) == [f"final: {(word * 300).strip()}…"]


def test_reasoning_is_counted_and_can_be_cut_short(
    vocabulary: Vocabulary, encoder: PromptEncoder
) -> None:
    parser = StreamParser(vocabulary)
    events = []
    for token in tokens_of("<|channel|>analysis<|message|>", vocabulary):
        assert not parser.is_in_analysis
        events += parser.feed(token)
    thought = vocabulary.encode("One two three")
    for token in thought:
        assert parser.is_in_analysis
        events += parser.feed(token)
    for token in encoder.encode(answer_now()):
        events += parser.feed(token)
    assert not parser.is_in_analysis
    for token in tokens_of("6<|return|>", vocabulary):
        events += parser.feed(token)
    assert transcript(events) == ["analysis: One two three", "final: 6"]
    assert parser.reasoning_tokens == len(thought)
    assert parser.finish_reason is FinishReason.STOP


def test_an_answer_can_be_opened_at_once(vocabulary: Vocabulary, encoder: PromptEncoder) -> None:
    stream = encoder.encode(open_final()) + tokens_of("4<|return|>", vocabulary)
    events, parser = parse(stream, vocabulary)
    assert events == [
        FinalDelta("4"),
        MessageCompleted(Message(role="assistant", content="4", channel=Channel.FINAL)),
    ]
    assert parser.reasoning_tokens == 0


def test_a_call_to_python_on_analysis_is_no_place_to_cut_in(vocabulary: Vocabulary) -> None:
    parser = StreamParser(vocabulary)
    for token in tokens_of("<|channel|>analysis to=python<|message|>1", vocabulary):
        parser.feed(token)
    assert not parser.is_in_analysis


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        ("<|channel|>final<|message|>4<|return|>", FinishReason.STOP),
        ("<|channel|>final<|message|>4<|call|>", FinishReason.STOP),
        ("<|channel|>final<|message|>4<|endoftext|>", FinishReason.STOP),
        ("<|channel|>analysis<|message|>Hm.<|return|>", FinishReason.STOP),
        ("<|channel|>commentary to=f<|message|>{}<|call|>", FinishReason.TOOL_CALLS),
        ("<|channel|>final to=f<|message|>{}<|call|>", FinishReason.TOOL_CALLS),
        ("<|channel|>commentary to=f<|message|>{}<|return|>", FinishReason.TOOL_CALLS),
        ("<|channel|>commentary to=f<|message|>{}<|end|><|return|>", FinishReason.TOOL_CALLS),
        (
            "<|channel|>commentary to=f<|message|>{}<|end|><|start|>f to=assistant<|message|>1",
            FinishReason.TOOL_CALLS,
        ),
        (
            (
                "<|channel|>commentary to=f<|message|>{}<|end|>"
                "<|channel|>final<|message|>Never mind.<|return|>"
            ),
            FinishReason.STOP,
        ),
        ("<|channel|>final<|message|>4<|end|><|start|>user<|message|>", FinishReason.STOP),
        ("<|channel|>final<|message|>4<|end|>", None),
        ("<|channel|>commentary to=f<|message|>{", None),
    ],
)
def test_the_turn_ends_on_a_call_or_on_something_else(
    stream: str, reason: FinishReason | None, vocabulary: Vocabulary
) -> None:
    _, parser = parse(tokens_of(stream, vocabulary), vocabulary)
    assert parser.finish_reason is reason
    assert parser.is_over is (reason is not None)


def test_generation_stops_at_what_ends_a_turn(vocabulary: Vocabulary) -> None:
    names = {vocabulary.control_name(token) for token in StreamParser(vocabulary).stop_tokens}
    assert names == {"<|return|>", "<|call|>", "<|endoftext|>"}


def test_a_vocabulary_may_lack_the_end_of_text() -> None:
    markers = [marker for marker in MARKERS if "text" not in marker]
    bare = Vocabulary([*byte_tokens(), *markers], [1] * 256 + [3] * len(markers))
    end = bare.control("<|return|>")
    events, parser = parse(
        [*bare.encode("Hi"), -1, bare.size, -(10**9), 10**9, end, *bare.encode("more")], bare
    )
    assert transcript(events) == ["final: Hi"]
    assert parser.stop_tokens == {end, bare.control("<|call|>")}


# Any stream at all. Texts have no "<", so a "<|" in an event could only be a control token's.
_PARTS = st.sampled_from(
    [
        *("<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|return|>"),
        *("<|call|>", "<|startoftext|>", "<|endoftext|>"),
        *("assistant", "user", "analysis", "commentary", "final", " to=functions.f", " to=python"),
        *(
            " json",
            " ",
            "\n",
            "Hello there",
            "한국어 👩‍💻",
            "é",
            '{"a": 1}',
            "functions.f",
            " to=",
            "to",
        ),
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
        "<|channel|>commentary to=functions.f <|constrain|>json<|message|>",
    ]
)
_streams = st.lists(_PARTS, max_size=12).map("".join)
_tokens = st.lists(
    st.one_of(
        st.sampled_from([200002, 200003, 200005, 200006, 200007, 200008, 200012, 199999]),
        st.integers(0, 255),
        st.integers(-3, 201_100),
    ),
    max_size=40,
)


@given(stream=_streams)
@many_examples
def test_deltas_add_up_to_the_messages(stream: str, vocabulary: Vocabulary) -> None:
    events, _ = parse(tokens_of(stream, vocabulary), vocabulary)
    assert streamed(events) == transcript(events)
    assert not any("<|" in line for line in transcript(events))


@given(stream=_streams)
@many_examples
def test_messages_do_not_depend_on_how_text_is_cut_into_tokens(
    stream: str, vocabulary: Vocabulary
) -> None:
    tokens = tokens_of(stream, vocabulary)
    by_byte = {vocabulary.piece(i): i for i in range(256)}
    single = [
        part
        for token in tokens
        for part in (
            [token]
            if vocabulary.control_name(token)
            else [by_byte[bytes([b])] for b in vocabulary.piece(token)]
        )
    ]
    events, parser = parse(tokens, vocabulary)
    other_events, other_parser = parse(single, vocabulary)
    assert transcript(events) == transcript(other_events)
    assert messages_in(events) == messages_in(other_events)
    assert parser.finish_reason == other_parser.finish_reason


@given(stream=_streams)
@many_examples
def test_a_replayed_message_reads_as_it_did(stream: str, vocabulary: Vocabulary) -> None:
    events, _ = parse(tokens_of(stream, vocabulary), vocabulary)
    for message in messages_in(events):
        if message.tokens is not None:
            end = vocabulary.control(ControlToken.END)
            again, _ = parse([*message.tokens, end], vocabulary)
            assert messages_in(again) == [message]


@given(stream=_streams, cut=st.integers(0, 60))
@many_examples
def test_what_was_shown_stays_when_the_stream_is_cut(
    stream: str, cut: int, vocabulary: Vocabulary
) -> None:
    tokens = tokens_of(stream, vocabulary)
    parser = StreamParser(vocabulary)
    shown = [event for token in tokens[:cut] for event in parser.feed(token)]
    events, _ = parse(tokens, vocabulary)
    assert events[: len(shown)] == shown


@given(tokens=_tokens)
@many_examples
def test_no_tokens_can_disturb_it(tokens: list[int], vocabulary: Vocabulary) -> None:
    events, parser = parse(tokens, vocabulary)
    assert streamed(events) == transcript(events)
    assert parser.reasoning_tokens <= len(tokens)
    complete = [e.complete for e in events if isinstance(e, MessageCompleted)]
    assert all(complete[:-1])
    assert parser.finish() == []
    assert not any(isinstance(e, AnalysisDelta) and not e.text for e in events)
