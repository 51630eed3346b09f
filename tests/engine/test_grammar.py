"""An answer is held to a grammar, and nothing that the model writes gets around it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gptoss_cli.engine.answering import AnswerConstraint, MessageFrame
from gptoss_cli.engine.base import Cancel, Grammar, Sampling
from gptoss_cli.engine.exponents import DigitTokens, ExponentLimit
from gptoss_cli.engine.grammar import (
    TextConstraint,
    TokenTable,
    check,
    json_grammar,
    lark_grammar,
    matches,
    regex_grammar,
)
from gptoss_cli.engine.local import LocalEngine
from gptoss_cli.errors import UnmetFormError
from gptoss_cli.events import AnalysisDelta, FinalDelta, Finished, FinishReason
from gptoss_cli.harmony.vocabulary import Vocabulary
from gptoss_cli.messages import Conversation, user
from gptoss_cli.models.weights import open_model
from tests.support.engines import engine_on
from tests.support.random_model import write_random_model

DEMO = Path(__file__).parents[2] / "gptoss_cli" / "models" / "demo.gguf"
CODE = regex_grammar("[a-f]{3}-[0-9]{2}")
SUM = json_grammar(
    {
        "type": "object",
        "properties": {"answer": {"type": "integer"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="module")
def demo():
    engine = engine_on(DEMO, 1024)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def random(tmp_path_factory):
    path = tmp_path_factory.mktemp("random") / "random.gguf"
    engine = engine_on(write_random_model(path, layers=2), 1024)
    yield engine
    engine.close()


def ask(
    engine: LocalEngine,
    grammar: Grammar | None,
    sampling: Sampling | None = None,
    *,
    thinking: bool = False,
    max_tokens: int = 300,
    cut_in: bool = False,
) -> tuple[str, str, FinishReason]:
    cancel = Cancel()
    final, analysis = "", ""
    for event in engine.answer(
        Conversation(messages=(user("What is 2 + 3?"),)),
        sampling=sampling or Sampling(seed=1),
        max_tokens=max_tokens,
        cancel=cancel,
        thinking=thinking,
        grammar=grammar,
    ):
        match event:
            case FinalDelta(text):
                final += text
            case AnalysisDelta(text):
                analysis += text
                if cut_in:
                    cancel.answer_now()
            case Finished():
                return final, analysis, event.reason
            case _:
                pass
    raise AssertionError("an answer ends with Finished")


@pytest.mark.parametrize("seed", range(5))
def test_a_model_that_was_never_taught_json_answers_in_json_and_thinks_as_before(demo, seed):
    final, analysis, reason = ask(demo, SUM, Sampling(seed=seed), thinking=True)
    assert set(json.loads(final)) == {"answer"}
    assert reason is FinishReason.STOP
    assert analysis == ask(demo, None, Sampling(seed=seed), thinking=True)[1] != ""


def test_answer_now_goes_on_inside_the_grammar(demo):
    final, _, reason = ask(demo, SUM, thinking=True, cut_in=True)
    assert isinstance(json.loads(final)["answer"], int)
    assert reason is FinishReason.STOP


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(seed=1),
        Sampling(temperature=0.0),
        Sampling(top_k=2, seed=1),
        Sampling(top_p=0.05, seed=1),
        Sampling(min_p=0.9, seed=1),
        Sampling(temperature=9.0, top_k=50, top_p=0.5, min_p=0.1, seed=1),
    ],
    ids=str,
)
def test_random_weights_follow_the_grammar_under_every_sampling(random, sampling):
    final, _, reason = ask(random, CODE, sampling)
    assert re.fullmatch("[a-f]{3}-[0-9]{2}", final)
    assert reason is FinishReason.STOP


def test_the_same_seed_gives_the_same_answer(random):
    assert ask(random, CODE) == ask(random, CODE)
    assert ask(random, CODE) != ask(random, CODE, Sampling(seed=2))


def test_random_weights_that_think_come_to_an_answer_or_are_cut_off_without_one(random):
    reasons = set()
    for seed in range(12):
        final, _, reason = ask(random, CODE, Sampling(seed=seed), thinking=True, max_tokens=600)
        assert (reason is FinishReason.STOP) is bool(re.fullmatch("[a-f]{3}-[0-9]{2}", final))
        reasons.add(reason)
    assert FinishReason.TOOL_CALLS not in reasons
    assert FinishReason.STOP in reasons


def test_an_answer_that_is_cut_off_says_so(random):
    final, _, reason = ask(random, CODE, max_tokens=3)
    assert reason is FinishReason.LENGTH
    assert len(final) == 3


def test_an_answer_in_any_script_and_beyond_the_basic_plane(random):
    wanted = regex_grammar(r"(네|아니요|\x{1F600}\x{1F600}|é)")
    assert ask(random, wanted)[0] in {"네", "아니요", "😀😀", "é"}


OPENED = open_model(DEMO)
VOCABULARY = Vocabulary(OPENED.tokens, OPENED.token_types)
TABLE = TokenTable(
    VOCABULARY.byte_pieces(), VOCABULARY.control_ids, VOCABULARY.control("<|return|>")
)


def ids(text: str) -> list[int]:
    tokens = []
    for part in re.split(r"(<\|\w+\|>)", text):
        is_marker = part.startswith("<|")
        tokens += [VOCABULARY.control(part)] if is_marker else VOCABULARY.encode(part)
    return tokens


def constraint(grammar: Grammar = CODE) -> AnswerConstraint:
    def header(text: str) -> tuple[int, ...]:
        return tuple(ids(f"<|channel|>{text}<|message|>"))

    frame = MessageFrame(
        begin=tuple(ids("<|start|>assistant")),
        free_headers=(header("analysis"), header("commentary")),
        final_headers=(header("final"), header("final <|constrain|>json")),
        end=VOCABULARY.control("<|end|>"),
        end_of_turn=VOCABULARY.control("<|return|>"),
        control=VOCABULARY.control_ids,
    )
    return AnswerConstraint(frame, VOCABULARY.size, lambda: TextConstraint(grammar, TABLE))


@pytest.mark.parametrize(
    ("written", "next_token"),
    [
        ("", "a"),
        ("", "<|message|>"),
        ("", "<|return|>"),
        ("<|channel|>commentary", " to"),
        ("<|channel|>analysis<|message|>so", "<|return|>"),
        ("<|channel|>analysis<|message|>so", "<|call|>"),
        ("<|channel|>analysis<|message|>so", "<|channel|>"),
        ("<|channel|>analysis<|message|>so", "<|start|>"),
        ("<|channel|>analysis<|message|>so<|end|>", "a"),
        ("<|channel|>analysis<|message|>so<|end|><|start|>", "u"),
        ("<|channel|>final<|message|>", "x"),
        ("<|channel|>final<|message|>", "<|return|>"),
        ("<|channel|>final<|message|>abc-1", "<|end|>"),
        ("<|channel|>final<|message|>abc-1", "<|channel|>"),
        ("<|channel|>final<|message|>abc-12", "3"),
        ("<|channel|>final<|message|>abc-12", "<|call|>"),
        ("<|channel|>final<|message|>abc-12<|return|>", "<|start|>"),
    ],
)
def test_nothing_opens_an_answer_beside_the_grammar(written, next_token):
    held = constraint()
    held.follow(ids(written))
    (token,) = ids(next_token)[:1]
    if not held.is_over:
        assert not held.allowed()[token]
        assert held.allowed().any()
    assert not held.accept(token)


@pytest.mark.parametrize("end", ["<|return|>", "<|end|>"])
@pytest.mark.parametrize(
    "before",
    [
        "<|channel|>final<|message|>",
        "<|channel|>final <|constrain|>json<|message|>",
        "<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>",
        "<|channel|>commentary<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>",
    ],
)
def test_what_models_write_before_an_answer_is_let_through(before, end):
    held = constraint()
    for token in ids(f"{before}abc-12{end}"):
        assert held.allowed()[token]
        assert held.accept(token)
    assert held.is_over


def test_a_mask_holds_exactly_the_tokens_that_are_accepted():
    grammar = json_grammar({"type": "array", "items": {"type": ["number", "string"]}})
    for written in ("", "[", "[1", "[1e", "[1e2", '["a', "[1.5, ", "[]"):
        held = TextConstraint(grammar, TABLE)
        for token in VOCABULARY.encode(written):
            assert held.accept(token)
        mask = held.allowed()
        for token in set(range(VOCABULARY.size)) - VOCABULARY.control_ids:
            again = TextConstraint(grammar, TABLE)
            assert all(map(again.accept, VOCABULARY.encode(written)))
            assert again.accept(token) == mask[token], (written, token)


def test_a_grammar_beyond_the_limits_is_an_error_and_no_crash():
    grammar = regex_grammar("(.*a.{2000}|.*b.{1500}){100}")
    held = TextConstraint(grammar, TABLE)

    def go_on() -> None:
        for token in ids("ab" * 500):
            if not held.accept(token):
                held.allowed()

    with pytest.raises(UnmetFormError, match="cannot be followed"):
        go_on()


@pytest.mark.parametrize(
    ("text", "is_allowed"),
    [
        ("1e99", True),
        ("1E+99", True),
        ("1e100", False),
        ("1.5e-300", False),
        ("[1e9,2e99]", True),
        ("[1e9,2e999]", False),
        ('"1e999"', True),
        ('"\\"",1e999', False),
        ("123456", True),
        ("false,1", True),
    ],
)
def test_exponents_stay_within_a_double(text, is_allowed):
    pieces = [bytes([i]) for i in range(256)]
    limit = ExponentLimit(pieces, DigitTokens(pieces))
    allowed = True
    for byte in text.encode():
        if allowed := limit.allows(byte):
            assert byte not in limit.refused()
            limit.advance(byte)
        else:
            assert byte in limit.refused()
            break
    assert allowed is is_allowed


@pytest.mark.parametrize(
    ("grammar", "why"),
    [
        (json_grammar({"not": {"type": "string"}}), "not"),
        (json_grammar({"type": "integer", "minimum": 2, "maximum": 1}), "minimum"),
        (json_grammar({"oneOf": [{"type": "number"}, {"type": "integer"}]}), "may overlap"),
        (regex_grammar("(?=a)b"), "look-ahead"),
        (regex_grammar("[a"), "unclosed"),
        (lark_grammar("start: x"), "x"),
    ],
)
def test_what_cannot_be_enforced_is_said_without_a_model(grammar, why):
    with pytest.raises(UnmetFormError, match=why):
        check(grammar)


def test_whitespace_does_not_run_away():
    anything = json_grammar({"type": "array", "items": {"type": "integer"}})
    assert matches(anything, "[\n    1,\n    2\n]")
    assert matches(anything, "[1, 2]")
    assert not matches(anything, "[1,  2]")
    assert not matches(anything, "[\n\n1]")
    assert not matches(anything, "[" + "\n" + " " * 100 + "1]")


def test_a_run_without_a_grammar_does_not_import_llguidance():
    code = (
        "import sys\n"
        "import gptoss_cli.engine.local, gptoss_cli.engine.llama, gptoss_cli.chat.turn\n"
        "print('llguidance' in sys.modules, 'jsonschema' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", "False"]
