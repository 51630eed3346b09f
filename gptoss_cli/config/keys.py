"""What can be set: one table for the file, the variables, the options and their checks.

A key is called as its option is; in the file it may stand in a table (``sampling.top_p``), in the
environment it is ``GPTOSS_TOP_P``.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gptoss_cli.chat.numbers import EFFORTS, LARGEST, NUMBERS, Number
from gptoss_cli.config.paths import CONFIG_VARIABLE

Value = str | float | int | bool | None
"""What a key is set to; None leaves it to the program."""

PROFILE_VARIABLE: Final = "GPTOSS_PROFILE"
_MOST_BITS: Final = 64
_PREFIX: Final = "GPTOSS_"
_TRUE: Final = frozenset(("1", "true", "yes", "on"))
_FALSE: Final = frozenset(("0", "false", "no", "off"))


class Kind(Protocol):
    """What a key takes. What cannot be read or understood comes back as something not taken."""

    @property
    def words(self) -> str:
        """What it takes, in words."""

    def read(self, text: str) -> object:
        """Return the value that `text` of a variable or an argument spells."""

    def stored(self, value: object) -> object:
        """Return what `value` of a TOML file means."""

    def takes(self, value: object) -> bool:
        """Whether `value` can be set."""

    def spelled(self, value: object) -> str:
        """Return `value` as ``read`` takes it."""


class Text:
    """Any text; ``open``: none at all is possible, and spelled as nothing."""

    words = "text"

    def __init__(self, *, open: bool = False) -> None:  # noqa: A002 - as Number has it
        self._open = open

    def read(self, text: str) -> object:
        """Return the value that `text` spells."""
        return self.stored(text)

    def stored(self, value: object) -> object:
        """Return what `value` of a file means."""
        return None if self._open and value == "" else value

    def takes(self, value: object) -> bool:
        """Whether `value` can be set."""
        if value is None:
            return self._open
        # Half a surrogate pair is what bytes that are no UTF-8 become in an argument.
        return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)

    def spelled(self, value: object) -> str:
        """Return `value` as ``read`` takes it."""
        return "" if value is None else str(value)


class Word:
    """One of some words, which are asked for when they are needed; case does not matter."""

    def __init__(self, choices: Callable[[], Iterable[str]]) -> None:
        self.choices = choices

    @property
    def words(self) -> str:
        """What it takes, in words."""
        *most, last = self.choices()
        return f"{', '.join(most)} or {last}"

    def read(self, text: str) -> object:
        """Return the value that `text` spells."""
        return self.stored(text)

    def stored(self, value: object) -> object:
        """Return what `value` of a file means."""
        return value.lower() if isinstance(value, str) else value

    def takes(self, value: object) -> bool:
        """Whether `value` can be set."""
        return isinstance(value, str) and value in self.choices()

    def spelled(self, value: object) -> str:
        """Return `value` as ``read`` takes it."""
        return str(value)


class Switch:
    """True or false; with ``auto`` also None: the program decides."""

    def __init__(self, *, auto: bool = False) -> None:
        self._auto = auto

    @property
    def words(self) -> str:
        """What it takes, in words."""
        return "true, false or auto" if self._auto else "true or false"

    def read(self, text: str) -> object:
        """Return the value that `text` spells."""
        word = text.lower()
        return word in _TRUE if word in _TRUE | _FALSE else self.stored(word)

    def stored(self, value: object) -> object:
        """Return what `value` of a file means."""
        return None if self._auto and value == "auto" else value

    def takes(self, value: object) -> bool:
        """Whether `value` can be set."""
        return isinstance(value, bool) or (value is None and self._auto)

    def spelled(self, value: object) -> str:
        """Return `value` as ``read`` takes it."""
        return "auto" if value is None else str(value).lower()


@dataclass(frozen=True, slots=True)
class Key:
    """Something that can be set: the ``name`` of its option, its ``table`` in the file or nothing,
    what it takes, and what it is when nobody sets it.
    """

    name: str
    kind: Kind
    default: Value
    does: str
    table: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        """Where it stands in the file."""
        return (self.table, self.name) if self.table else (self.name,)

    @property
    def full_name(self) -> str:
        """Its path as people write it."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return _PREFIX + self.name.upper()

    @property
    def option_words(self) -> str:
        """What its option takes, in words: a number that is left open is no option given."""
        return self.kind.range if isinstance(self.kind, Number) else self.kind.words

    def refusal(self, wrong: object, *, words: str = "") -> str:
        """Return what is said where it is set to `wrong`, which it does not take."""
        shown = f"'{shortened(wrong)}'" if isinstance(wrong, str) else spelled_in_toml(wrong)
        why = getattr(self.kind, "why", "")
        meant = ""
        if isinstance(self.kind, Word) and isinstance(wrong, str):
            near = nearest(wrong.lower(), self.kind.choices(), cutoff=0.3)
            meant = f" Did you mean {near}?" if near else ""
        return (
            f"takes {words or self.kind.words}, not {shown}" + (f": {why}." if why else ".") + meant
        )


def shortened(text: str) -> str:
    """Return `text` as an error quotes it: its beginning."""
    return text if len(text) <= 40 else text[:39] + "…"


def spelled_in_toml(value: object) -> str:
    """Return what an error calls `value`: a simple one as TOML spells it, of others their kind."""
    match value:
        case str():
            return f"the text '{shortened(value)}'"
        case dict() | list():
            return "a table" if isinstance(value, dict) else "a list"
        case int() | float():
            # Of a whole number with thousands of digits, Python makes no text.
            is_long = isinstance(value, int) and value.bit_length() > _MOST_BITS
            return "a number that long" if is_long else str(value).lower()
    return "a date or time"


def nearest(name: str, names: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return the one of `names` that `name` may have been meant to be, or nothing."""
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return near[0] if near else ""


def _themes() -> Iterable[str]:
    from gptoss_cli.ui.theme import THEMES  # noqa: PLC0415 - asked for when a theme is set

    return THEMES


_CORES: Final = os.cpu_count()
_THREADS: Final = Number(
    least=1,
    most=_CORES or LARGEST,
    whole=True,
    open=True,
    why=f"this machine has {_CORES}; more would wait for each other" if _CORES else "",
)
_WINDOW: Final = Number(least=1, most=LARGEST, whole=True, open=True)
_CACHE_GIB: Final = Number(least=0, most=4096)
_SAMPLED: Final[dict[str, tuple[Value, str]]] = {
    "temperature": (1.0, "0 takes the most likely token always."),
    "top_p": (1.0, "Keep the likeliest tokens up to it."),
    "top_k": (0, "Keep that many likeliest tokens; 0 keeps all."),
    "min_p": (0.0, "Drop tokens less likely than this share."),
    "seed": (None, "Makes a run repeatable; without it each run differs."),
    "max_tokens": (None, "Most tokens of thinking and answer together."),
}

KEYS: Final = (
    Key(
        "model",
        Text(open=True),
        None,
        "20b, another name of gptoss models ls, demo, or the path of a GGUF file.",
    ),
    Key(
        "effort",
        Word(lambda: EFFORTS),
        "medium",
        "How long it thinks; none opens the answer at once.",
    ),
    Key("system", Text(), "", "Instructions for the whole conversation."),
    Key("context", _WINDOW, None, "Context window in tokens (8192, or what a prompt needs)."),
    Key("threads", _THREADS, None, "CPU threads."),
    Key(
        "repack",
        Switch(),
        False,
        "Convert the weights for this CPU while loading: slow to load, a little faster after.",
    ),
    Key("cache", Switch(), True, "Keep what was read of prompts on disk, to read it once only."),
    Key("cache_gib", _CACHE_GIB, 2.0, "The most that takes, in GiB."),
    Key(
        "idle_prefill",
        Switch(),
        True,
        "Let a chat read ahead while you type, to answer sooner; not on battery or with a seed.",
    ),
    Key("show_thinking", Switch(auto=True), None, "On standard error, above the answer."),
    Key("stats", Switch(), False, "Print counts and times at the end."),
    *(
        Key(name, NUMBERS[name], default, does, table="sampling")
        for name, (default, does) in _SAMPLED.items()
    ),
    Key("theme", Word(_themes), "default", "How the chat looks.", table="ui"),
    Key("plain", Switch(), False, "Nothing that moves: for screen readers.", table="ui"),
    Key("save", Switch(), True, "Keep the conversation, or leave no trace.", table="sessions"),
)
TABLES: Final = ("sampling", "ui", "sessions")
DEFAULTS: Final[Mapping[str, Any]] = {key.name: key.default for key in KEYS}
"""What each key is when nobody sets it."""
_BY_NAME: Final = {key.name: key for key in KEYS}
_BY_VARIABLE: Final = {key.variable: key for key in KEYS}
_BY_PATH: Final = {key.path: key for key in KEYS}


def key(name: str) -> Key:
    """Return the key of the option `name`. Raises KeyError."""
    return _BY_NAME[name]


def key_at(path: tuple[str, ...]) -> Key | None:
    """Return the key that stands at `path` of the file, without the table of a profile."""
    return _BY_PATH.get(path)


def variables() -> frozenset[str]:
    """Return the environment variables that mean something."""
    return frozenset({*_BY_VARIABLE, CONFIG_VARIABLE, PROFILE_VARIABLE})


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Return those of `names` that look like ours and mean nothing."""
    known = variables()
    return sorted(name for name in names if name.startswith(_PREFIX) and name not in known)
