"""Conversations to learn from, made by chance from a seed, as the program's own values."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass, field, replace
from random import Random

from demo_model import answers, topics
from demo_model.answers import ENGLISH, KOREAN, Language
from demo_model.arithmetic import LARGEST, Problem
from demo_model.phrases import ENGLISH as ENGLISH_PHRASES
from demo_model.phrases import KOREAN as KOREAN_PHRASES
from demo_model.phrases import Phrases, is_held_out_phrase
from demo_model.topics import WORDS
from gptoss_cli.messages import (
    BuiltinTool,
    Channel,
    Conversation,
    DeveloperPrompt,
    FunctionTool,
    Message,
    ReasoningEffort,
    Role,
    SystemPrompt,
    final,
    user,
)

_EFFORTS = (
    *(ReasoningEffort.LOW,) * 7,
    *(ReasoningEffort.MEDIUM,) * 8,
    *(ReasoningEffort.HIGH,) * 5,
)
_TEMPERATURE_KEYS = ("temperature", "temperature", "temperature", "temp", "temp_c", "temperature_c")
_CONDITION_KEYS = ("condition", "condition", "conditions", "description", "weather", "sky")
_FAILURES = (
    "Traceback (most recent call last):",
    "NameError: name 'x' is not defined",
    "SyntaxError: invalid syntax",
    "Error: timed out",
    "Execution timed out after 120.0 seconds.",
    "error: no network",
    "failed",
    "Unknown city",
    '{"error": "city not found"}',
    '{"error": "timeout"}',
    "not available",
)
UNSIGNED = re.compile("difference|의 차|차이|두 수의 차|remain|left|남")
"""What asks for a number without a sign."""
_FIRST, _SECOND, _CITY = "\ue000", "\ue001", "\ue002"
_PLACES = {"{a}": _FIRST, "{b}": _SECOND, "{city}": _CITY}


@dataclass(frozen=True, slots=True)
class Sample:
    """A prompt, and what the model is to write after ``<|start|>assistant``."""

    conversation: Conversation
    completion: tuple[Message, ...]
    kind: str


@dataclass(slots=True)
class _State:
    """What has been said so far."""

    conversation: Conversation
    last: int | None = None
    samples: list[Sample] = field(default_factory=list)

    @property
    def effort(self) -> ReasoningEffort:
        return self.conversation.system.effort

    @property
    def has_python(self) -> bool:
        return BuiltinTool.PYTHON in self.conversation.system.builtin_tools

    @property
    def has_weather(self) -> bool:
        developer = self.conversation.developer
        names = [f.name for f in developer.functions] if developer else []
        return answers.WEATHER_FUNCTION in names

    def hear(self, *messages: Message) -> None:
        self.conversation = self.conversation.adding(*messages)

    def speak(self, kind: str, messages: tuple[Message, ...]) -> None:
        self.samples.append(Sample(self.conversation, messages, kind))
        self.hear(*messages)


def is_held_out(problem: Problem) -> bool:
    """Whether a problem is kept for the evaluation: about one pair of numbers in thirteen."""
    low, high = sorted((abs(problem.first), abs(problem.second)))
    return (low * 7919 + high * 104_729 + 5) % 13 == 0


def number(rng: Random) -> int:
    """Return a number of one to four digits, every length equally often."""
    return int(topics.digits(rng))


def _number_to_learn(rng: Random) -> int:
    """Return a number as `number` does, now and then one of few digits, which is hard to copy."""
    if rng.random() > 0.2:
        return number(rng)
    signs = rng.choice(("01", "09", "0", "12", "89", *"123456789"))
    first = rng.choice(signs.strip("0") or "123456789")
    return int(first + "".join(rng.choice(signs) for _ in range(rng.randint(1, 3))))


def problem(rng: Random, first: int | None = None) -> Problem:
    """Return a problem to train on, going on from `first` when it is given."""
    while True:
        a = _number_to_learn(rng) if first is None else first
        b = _number_to_learn(rng)
        kind = rng.random()
        if kind < 0.06:
            b = abs(a)
        elif kind < 0.16:
            # Numbers that differ late, where the larger one is hard to tell.
            b = max(0, min(LARGEST, abs(a) + rng.randint(-120, 120)))
        elif kind < 0.4:
            # As many digits: which is larger hangs on each of them.
            b = int("".join(rng.choice((d, rng.choice("0123456789"))) for d in str(abs(a))[:4]))
        found = Problem(a, rng.choice("+-"), b)
        if not is_held_out(found):
            return found


def conversation(
    rng: Random, *, instruction_sentences: int = 6, often: float = 0.22
) -> Conversation:
    """Return an empty conversation: a date, an effort, tools and instructions by chance.

    `often` is how often there is python, get_weather or instructions: texts to read, not to learn.
    """
    date = dt.date(2020, 1, 1) + dt.timedelta(days=rng.randrange(9500))
    tools = []
    if rng.random() < often:
        tools.append(BuiltinTool.PYTHON)
    if rng.random() < 0.01:
        tools.append(BuiltinTool.BROWSER)
    system = SystemPrompt(
        date=date.isoformat() if rng.random() < 0.97 else None,
        effort=rng.choice(_EFFORTS),
        builtin_tools=tuple(tools),
    )
    functions = _functions(rng) if rng.random() < often else ()
    text = topics.instructions(rng, instruction_sentences) if rng.random() < often else ""
    developer = DeveloperPrompt(instructions=text, functions=functions)
    return Conversation(system=system, developer=developer if text or functions else None)


def _functions(rng: Random) -> tuple[FunctionTool, ...]:
    tool = answers.WEATHER_TOOL
    if rng.random() < 0.4:
        description = rng.choice(
            ("", "Get the weather of a city.", "Return the weather for the given city.",
             "Gets the current weather in the provided city.", "Weather lookup.", "Current weather",
             "도시의 현재 날씨를 알려준다.")
        )  # fmt: skip
        city = {"type": "string"}
        if rng.random() < 0.5:
            city["description"] = rng.choice(
                ("The city", "Name of the city", "The name of the city, e.g. Paris", "city name")
            )
        tool = replace(
            tool,
            description=description,
            parameters={"type": "object", "properties": {"city": city}, "required": ["city"]},
        )
    tools = [tool] if rng.random() < 0.93 else []
    if rng.random() < 0.15 or not tools:
        noun = rng.choice(WORDS["nouns"])
        other = FunctionTool(
            name="_".join((rng.choice(WORDS["verbs"]), noun)),
            description=topics.sentence(rng),
            parameters={"type": "object", "properties": {noun: {"type": "string"}}},
        )
        tools.insert(rng.randint(0, len(tools)), other)
    return tuple(tools)


def dialogue(rng: Random, start: Conversation, turns: int) -> list[Sample]:
    """Return a sample for each step of the assistant in a conversation of `turns` turns."""
    state = _State(start)
    korean = rng.random() < 0.45
    for _ in range(turns):
        if rng.random() < 0.15:
            korean = not korean
        _turn(rng, state, korean=korean)
        _interrupt(rng, state)
    return state.samples


def _interrupt(rng: Random, state: _State) -> None:
    """Now and then leave an answer cut short in the history, as a stopped turn does."""
    if rng.random() > 0.03:
        return
    question = user(topics.out_of_reach(rng, korean=rng.random() < 0.4))
    refusal = rng.choice((ENGLISH, KOREAN)).beyond[1]
    state.hear(question, final(refusal[: rng.randrange(len(refusal))]))


def _turn(rng: Random, state: _State, *, korean: bool) -> None:
    language = KOREAN if korean else ENGLISH
    phrases = KOREAN_PHRASES if korean else ENGLISH_PHRASES
    tool = 0.4 if state.has_python or state.has_weather else 0.03
    kind = rng.random()
    if kind < tool:
        if rng.random() < (0.5 if state.has_python == state.has_weather else state.has_python):
            _multiply(rng, state, language, phrases)
        else:
            _weather(rng, state, language, phrases)
    elif kind < tool + 0.55 and (state.last is not None or rng.random() < 0.05):
        _go_on(rng, state, language, phrases)
    elif rng.random() < 0.74:
        _calculate(rng, state, language, phrases)
    elif rng.random() < 0.72:
        _beyond(rng, state, language, phrases)
    else:
        name = rng.choice(("greeting", "identity", "ability", "thanks"))
        state.hear(user(worded(rng, phrases, name, korean=korean, often=0.15)))
        state.speak("talk", answers.said(getattr(language, name)))


def _calculate(rng: Random, state: _State, language: Language, phrases: Phrases) -> None:
    asked, text = question(rng, problem(rng), phrases, korean=language is KOREAN)
    state.hear(user(text))
    state.speak("calculate", answers.solved(asked, state.effort, language))
    state.last = asked.answer


def _go_on(rng: Random, state: _State, language: Language, phrases: Phrases) -> None:
    asked = problem(rng, state.last if state.last is not None else 0)
    kind = "add_more" if asked.operator == "+" else "subtract_more"
    text = worded(rng, phrases, kind, korean=language is KOREAN, often=0.15)
    state.hear(user(text.replace(_SECOND, written(rng, asked.second))))
    if state.last is None or abs(state.last) > LARGEST:
        state.speak("beyond", answers.said(language.beyond))
        return
    state.speak("follow_up", answers.solved(asked, state.effort, language))
    state.last = asked.answer


def question(rng: Random, asked: Problem, phrases: Phrases, *, korean: bool) -> tuple[Problem, str]:
    """Return a way to ask for `asked`, and the problem as it is named there.

    Numbers to be added are named in the order of the text, which makes one thing less to learn.
    """
    kind = "add" if asked.operator == "+" else "subtract"
    text = worded(rng, phrases, kind, korean=korean, often=0.25)
    while asked.first < asked.second and UNSIGNED.search(text):
        # A difference between two numbers has no sign in daily speech: ask it of the larger one.
        text = worded(rng, phrases, kind, korean=korean, often=0.25)
    if rng.random() < 0.06:
        text = text.replace(" - ", rng.choice((" − ", " – ", "−", "–")))
    if asked.operator == "+" and text.index(_SECOND) < text.index(_FIRST):
        asked = Problem(asked.second, "+", asked.first)
        text = _exchanged(text)
    text = text.replace(_FIRST, written(rng, asked.first))
    return asked, text.replace(_SECOND, written(rng, asked.second))


def _exchanged(text: str) -> str:
    return text.translate({ord(_FIRST): _SECOND, ord(_SECOND): _FIRST})


def written(rng: Random, value: int) -> str:
    """Return a number as users write it."""
    return f"{value:,}" if value > 999 and rng.random() < 0.07 else str(value)


def worded(rng: Random, phrases: Phrases, kind: str, *, korean: bool, often: float) -> str:
    """Return a phrase of `kind` as some user puts it, its places marked; never a held-out one."""
    while True:
        frame = phrases.some(rng, kind)
        text = _surrounded(rng, _closed(rng, frame), korean=korean, often=often)
        if not (is_held_out_phrase(frame) or is_held_out_phrase(text)):
            break
    for place, mark in _PLACES.items():
        text = text.replace(place, mark)
    return _typed(rng, text)


def _closed(rng: Random, frame: str) -> str:
    """Return `frame` with a sign at its end, where it has none."""
    if frame[-1] in "?!.=":
        return frame
    return frame + rng.choice(("?", "?", "?", ".", "", "", ""))


def _surrounded(rng: Random, text: str, *, korean: bool, often: float) -> str:
    """Return `text` with what people put around it."""
    if rng.random() < often:
        text = rng.choice(WORDS["korean_before" if korean else "before"]) + text
    elif rng.random() < often / 6:
        words = WORDS["korean_nouns" if korean else "nouns"]
        some = " ".join(rng.choice(words) for _ in range(rng.randint(1, 6)))
        text = some + rng.choice((". ", ", ", ": ", "\n", "! ")) + text
    if rng.random() < often:
        text += rng.choice(WORDS["korean_after" if korean else "after"])
    return text


def _typed(rng: Random, text: str) -> str:
    """Return `text` as fingers type it."""
    text = _cased(rng, text)
    if rng.random() < 0.06:
        text = _mistyped(rng, text)
    if rng.random() < 0.08:
        text += rng.choice(("\n", "\n", " ", "\n\n"))
    return rng.choice((" ", "\n")) + text if rng.random() < 0.02 else text


def _cased(rng: Random, text: str) -> str:
    kind = rng.random()
    if kind < 0.45:
        return text[:1].upper() + text[1:]
    if kind < 0.85:
        return text
    return text.lower() if kind < 0.95 else text.upper()


def _mistyped(rng: Random, text: str) -> str:
    for _ in range(rng.randint(1, 2)):
        places = [m.start() for m in re.finditer(r"[A-Za-z가-힣 ]", text)]
        if not places:
            return text
        at = rng.choice(places)
        char = text[at]
        swapped = text[at + 1 : at + 2]
        if not swapped.isalpha():
            swapped = ""
        char = rng.choice(("", char + char, swapped + char if swapped else char))
        text = (
            text[:at] + char + text[at + 1 + (len(swapped) if char[:1] == swapped != "" else 0) :]
        )
    return text


def _beyond(rng: Random, state: _State, language: Language, phrases: Phrases) -> None:
    korean = language is KOREAN
    kind = rng.random()
    if kind < 0.12:
        # A number too large, or not whole, in words that ask for a sum or a difference.
        asking = rng.choice(("add", "subtract"))
        text = worded(rng, phrases, asking, korean=korean, often=0.2)
        values = [str(number(rng)), _unfit(rng)]
        rng.shuffle(values)
        text = text.replace(_FIRST, values[0]).replace(_SECOND, values[1])
    else:
        text = topics.out_of_reach(rng, korean=korean)
        while is_held_out_phrase(text) or (
            state.has_weather and re.search("weather|rain|날씨|비 와", text)
        ):
            text = topics.out_of_reach(rng, korean=korean)
        text = _typed(rng, _surrounded(rng, text, korean=korean, often=0.1))
    # Text without a language of its own is declined in English.
    hangul = re.search("[가-힣]", text) is not None
    state.hear(user(text))
    state.speak("beyond", answers.said((KOREAN if hangul else ENGLISH).beyond))


def _unfit(rng: Random) -> str:
    if rng.random() < 0.7:
        return str(rng.randrange(10_000, 10 ** rng.randint(5, 12)))
    return f"{number(rng)}.{topics.digits(rng, 3)}"


def _multiply(rng: Random, state: _State, language: Language, phrases: Phrases) -> None:
    a, b = _number_to_learn(rng), _number_to_learn(rng)
    text = worded(rng, phrases, "multiply", korean=language is KOREAN, often=0.2)
    if text.index(_SECOND) < text.index(_FIRST):
        text = _exchanged(text)
    text = text.replace(_FIRST, written(rng, a)).replace(_SECOND, written(rng, b))
    state.hear(user(text))
    if not state.has_python:
        state.speak("beyond", answers.said(language.no_multiplying))
        return
    state.speak("python_call", answers.python_call(a, b, language))
    result = rng.choice(_FAILURES) if rng.random() < 0.06 else str(a * b)
    result += rng.choice(("\n", "\n", ""))
    state.hear(Message(role=Role.TOOL, name=answers.PYTHON, content=result))
    state.speak("python_answer", answers.python_answer(a, b, result, language))
    if result.strip().isdecimal():
        state.last = a * b


def _weather(rng: Random, state: _State, language: Language, phrases: Phrases) -> None:
    korean = language is KOREAN
    city = _city(rng, korean=korean)
    text = worded(rng, phrases, "weather", korean=korean, often=0.2).replace(_CITY, city)
    state.hear(user(text))
    if not state.has_weather:
        state.speak("beyond", answers.said(language.beyond))
        return
    state.speak("weather_call", answers.weather_call(city, language))
    result, report = weather_result(rng, city)
    name = f"functions.{answers.WEATHER_FUNCTION}"
    state.hear(Message(role=Role.TOOL, name=name, content=result, channel=Channel.COMMENTARY))
    state.speak("weather_answer", answers.weather_answer(city, report, language))


def _city(rng: Random, *, korean: bool) -> str:
    if rng.random() < 0.92:
        return rng.choice(WORDS["korean_cities" if korean else "cities"])
    if korean:
        return topics.korean_pseudo_word(rng)
    words = [topics.pseudo_word(rng).capitalize() for _ in range(rng.choice((1, 1, 1, 2)))]
    return " ".join(words)


def weather_result(rng: Random, city: str) -> tuple[str, str | None]:
    """Return what get_weather answers, and what the model is to report of it."""
    kind = rng.random()
    if kind < 0.06:
        return rng.choice(_FAILURES), None
    temperature = rng.randint(-20, 42)
    condition = rng.choice(WORDS["conditions"])
    report = f"{temperature} °C, {condition}"
    if kind < 0.2:
        plain = rng.choice(("{t}°C, {c}", "{t} °C, {c}", "{c}, {t} °C", "{c} {t}°C"))
        return plain.format(t=temperature, c=condition), report
    result: dict[str, object] = {
        rng.choice(_TEMPERATURE_KEYS): temperature,
        rng.choice(_CONDITION_KEYS): condition,
    }
    if rng.random() < 0.3:
        result = dict(reversed(result.items()))
    if rng.random() < 0.25:
        result = {"city": city, **result}
    if rng.random() < 0.25:
        result["humidity"] = rng.randint(0, 100)
    blank = rng.random() < 0.8
    return json.dumps(
        result, ensure_ascii=False, separators=(", ", ": ") if blank else (",", ":")
    ), report
