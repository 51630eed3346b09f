"""What the model is to say, in one fixed way per language: varied answers would cost certainty."""

from __future__ import annotations

import json
from dataclasses import dataclass

from demo_model import arithmetic
from demo_model.arithmetic import Problem
from gptoss_cli.messages import (
    BuiltinTool,
    Channel,
    FunctionTool,
    Message,
    ReasoningEffort,
    Role,
    analysis,
    final,
)

WEATHER_FUNCTION = "get_weather"
PYTHON = BuiltinTool.PYTHON.value
WEATHER_TOOL = FunctionTool(
    name=WEATHER_FUNCTION,
    description="Get the current weather of a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)


@dataclass(frozen=True, slots=True)
class Language:
    """The fixed answers of one language: pairs of thinking and answer, and patterns."""

    words: arithmetic.Words
    greeting: tuple[str, str]
    identity: tuple[str, str]
    ability: tuple[str, str]
    thanks: tuple[str, str]
    beyond: tuple[str, str]
    no_multiplying: tuple[str, str]
    python_failed: tuple[str, str]
    multiply: str
    ask_weather: str
    weather_failed: tuple[str, str]


ENGLISH = Language(
    words=arithmetic.ENGLISH,
    greeting=(
        "A greeting.",
        "Hello! I can add and subtract whole numbers up to four digits.",
    ),
    identity=(
        "A question about me.",
        "I am gptoss's demo model: tiny, trained from nothing to add and subtract.",
    ),
    ability=(
        "A question about what I can do.",
        (
            "I can add and subtract whole numbers up to four digits. With tools I can also "
            "multiply and tell the weather."
        ),
    ),
    thanks=("Kind words.", "You are welcome!"),
    beyond=(
        "This is beyond me.",
        (
            "I can't do that. I am a small demo model: I only add and subtract whole numbers up "
            "to four digits."
        ),
    ),
    no_multiplying=(
        "Multiplying needs python, which I do not have.",
        "I can't multiply without the python tool. I only add and subtract.",
    ),
    python_failed=("python failed.", "I can't tell: the python tool failed."),
    multiply="{equation}: multiply with python.",
    ask_weather="Weather in {city}: get_weather.",
    weather_failed=("get_weather failed.", "I can't tell: the weather tool failed."),
)
KOREAN = Language(
    words=arithmetic.KOREAN,
    greeting=(
        "인사이다.",
        "안녕하세요! 저는 네 자리까지의 덧셈과 뺄셈을 할 수 있어요.",
    ),
    identity=(
        "나에 대한 질문이다.",
        "저는 gptoss의 데모 모델이에요. 덧셈과 뺄셈을 처음부터 배운 아주 작은 모델입니다.",
    ),
    ability=(
        "할 수 있는 일에 대한 질문이다.",
        "네 자리까지의 덧셈과 뺄셈을 할 수 있어요. 도구가 있으면 곱셈을 하고 날씨도 알려 드려요.",
    ),
    thanks=("고마운 말이다.", "천만에요!"),
    beyond=(
        "내가 할 수 없는 일이다.",
        "그건 할 수 없어요. 저는 네 자리까지의 덧셈과 뺄셈만 하는 작은 데모 모델이에요.",
    ),
    no_multiplying=(
        "곱셈에는 파이썬이 필요한데 없다.",
        "파이썬 도구 없이는 곱셈을 할 수 없어요. 저는 덧셈과 뺄셈만 해요.",
    ),
    python_failed=("파이썬이 실패했다.", "파이썬 도구가 실패해서 알 수 없어요."),
    multiply="{equation}: 파이썬으로 곱한다.",
    ask_weather="{city} 날씨: get_weather.",
    weather_failed=("get_weather가 실패했다.", "날씨 도구가 실패해서 알 수 없어요."),
)


def said(pair: tuple[str, str]) -> tuple[Message, ...]:
    """Return a turn of one thought and the answer."""
    return analysis(pair[0]), final(pair[1])


def solved(problem: Problem, effort: ReasoningEffort, language: Language) -> tuple[Message, ...]:
    """Return the turn that works out a sum or a difference."""
    return said(
        (
            arithmetic.analysis_text(problem, effort, language.words),
            arithmetic.final_text(problem, language.words),
        )
    )


def python_call(a: int, b: int, language: Language) -> tuple[Message, ...]:
    """Return the step that asks python for a product."""
    call = Message(
        role=Role.ASSISTANT,
        content=f"print({a}*{b})",
        channel=Channel.ANALYSIS,
        recipient=PYTHON,
        content_type="code",
    )
    return analysis(language.multiply.format(equation=f"{a} × {b}")), call


def python_answer(a: int, b: int, result: str, language: Language) -> tuple[Message, ...]:
    """Return the step after python's `result`."""
    value = result.strip()
    if not value.isdecimal():
        return said(language.python_failed)
    sentence = language.words.sentence.format(equation=f"{a} × {b} = {value}")
    return said((f"python: {value}", sentence))


def weather_call(city: str, language: Language) -> tuple[Message, ...]:
    """Return the step that calls get_weather."""
    call = Message(
        role=Role.ASSISTANT,
        content=json.dumps({"city": city}, ensure_ascii=False),
        channel=Channel.COMMENTARY,
        recipient=f"functions.{WEATHER_FUNCTION}",
        content_type="<|constrain|>json",
    )
    return analysis(language.ask_weather.format(city=city)), call


def weather_answer(city: str, report: str | None, language: Language) -> tuple[Message, ...]:
    """Return the step after get_weather's result; `report` is what it says, None if it failed."""
    if report is None:
        return said(language.weather_failed)
    return said(("get_weather: ok.", f"{city}: {report}"))
