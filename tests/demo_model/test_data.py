from __future__ import annotations

import re
from random import Random

import pytest

from demo_model import answers, batches, data
from demo_model.arithmetic import ENGLISH, KOREAN, Problem, analysis_text, final_text
from demo_model.phrases import ENGLISH as ENGLISH_PHRASES
from demo_model.phrases import ENGLISH_HELD_OUT, KOREAN_HELD_OUT
from demo_model.phrases import KOREAN as KOREAN_PHRASES
from gptoss_cli.harmony.render import PromptEncoder, render
from gptoss_cli.harmony.vocabulary import Vocabulary
from gptoss_cli.messages import ReasoningEffort, Role
from gptoss_cli.models.registry import DEMO, resolve
from gptoss_cli.models.weights import open_model


@pytest.fixture(scope="module")
def samples() -> list[data.Sample]:
    rng = Random(7)
    made = []
    for _ in range(400):
        made += data.dialogue(rng, data.conversation(rng), 3)
    return made


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    weights = open_model(resolve(DEMO))
    return Vocabulary(weights.tokens, weights.token_types)


def test_held_out_pairs_are_never_trained_on(samples):
    equations = [
        re.match(r"(-?\d+) ([+-]) (\d+) = (-?\d+)", s.completion[-1].content)
        for s in samples
        if s.kind in ("calculate", "follow_up")
    ]
    problems = [Problem(int(e[1]), e[2], int(e[3])) for e in equations if e]
    assert len(problems) > 300
    assert not [p for p in problems if data.is_held_out(p)]
    assert all(
        int(e[4]) == p.answer for e, p in zip(filter(None, equations), problems, strict=True)
    )


def test_held_out_phrases_are_never_trained_on():
    for training, held_out in (
        (ENGLISH_PHRASES, ENGLISH_HELD_OUT),
        (KOREAN_PHRASES, KOREAN_HELD_OUT),
    ):
        for name in training.__dataclass_fields__:
            seen = {text.casefold() for text in getattr(training, name)}
            assert not [t for t in getattr(held_out, name) if t.casefold() in seen]


def test_a_seed_decides_the_conversations():
    def make() -> list[data.Sample]:
        rng = Random(3)
        return data.dialogue(rng, data.conversation(rng), 4)

    assert make() == make()


@pytest.mark.parametrize("words", [ENGLISH, KOREAN])
def test_the_steps_lead_to_the_answer(words):
    rng = Random(1)
    for _ in range(2000):
        problem = data.problem(rng, rng.choice((None, None, rng.randint(-9999, 9999))))
        negative, plain = problem.reduced()
        assert plain.first >= 0
        assert plain.answer == abs(problem.answer)
        assert negative == (problem.answer < 0)
        low, medium, high = (analysis_text(problem, effort, words) for effort in ReasoningEffort)
        assert low.endswith(f"= {problem.answer}")
        assert medium.endswith(f"\n= {problem.answer}")
        assert high.startswith(medium)
        assert "\n" not in low
        assert f"= {plain.first}, " in high.splitlines()[-1]
        assert str(problem.answer) in final_text(problem, words)


def test_training_prompts_are_the_renderers(samples, vocabulary):
    encoder = batches.SampleEncoder(vocabulary)
    plain = [
        s
        for s in samples
        if not any(m.recipient for m in s.conversation.messages if m.role is Role.ASSISTANT)
    ]
    for sample in plain[:200]:
        expected = PromptEncoder(vocabulary).encode(render(sample.conversation))
        assert encoder.encode(sample)[0] == expected


def test_rows_hold_each_sample_as_if_it_stood_alone(samples, vocabulary):
    encoder = batches.SampleEncoder(vocabulary)
    rng = Random(2)
    start = data.conversation(rng)
    row = batches.Row(1024, vocabulary)
    taken = []
    for sample in data.dialogue(rng, start, 4)[::-1]:
        prompt, completion = encoder.encode(sample)
        if row.add(prompt, completion):
            taken.append(prompt + completion)
    assert len(taken) > 1
    for index, ids in enumerate(taken):
        last = max(i for i in range(row.used) if row.samples[i] == index and row.targets[i] >= 0)
        seen = row.visible[last].nonzero()[0]
        assert row.tokens[seen].tolist() == ids[:-1]
        assert row.positions[seen].tolist() == list(range(len(ids) - 1))
        assert row.targets[last] == ids[-1]


def test_the_calls_read_as_harmony_calls(vocabulary):
    def text(ids: list[int]) -> str:
        return "".join(vocabulary.control_name(i) or vocabulary.piece(i).decode() for i in ids)

    weather = batches.completion_tokens(
        vocabulary, answers.weather_call("Seoul", answers.ENGLISH)[1:]
    )
    assert text(weather) == (
        "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
        '{"city": "Seoul"}<|call|>'
    )
    python = batches.completion_tokens(vocabulary, answers.python_call(12, 34, answers.ENGLISH)[1:])
    assert text(python) == "<|channel|>analysis to=python code<|message|>print(12*34)<|call|>"
