"""The options that ``run`` and ``chat`` share, with their checks, and the settings they make."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

import typer

from gptoss_cli.chat.numbers import LARGEST, Number
from gptoss_cli.cli.config.completion import profiles
from gptoss_cli.cli.models.completion import names_to_run
from gptoss_cli.config import keys
from gptoss_cli.config.keys import DEFAULTS, Key

_SEED_BITS: Final = 31

Task = Callable[[], int]
"""What a command does once its options are understood; returns the exit code."""


def _date(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return dt.date.fromisoformat(value).isoformat()
    except ValueError:
        example = dt.date(2026, 11, 21).isoformat()
        raise typer.BadParameter(f"it takes a day like {example}, not '{value}'.") from None


def _taken(key: Key) -> Callable[[Any], Any]:
    """Return the check of an option by the table that the file and the variables are checked by."""

    def check(given: Any) -> Any:
        if given is None:
            return None
        value = key.kind.stored(given)
        if not key.kind.takes(value):
            raise typer.BadParameter(f"it {key.refusal(given, words=key.option_words)}")
        return given if value is None else value  # an option with nothing in it is not left out

    return check


def _option(name: str, *spellings: str, metavar: str | None = "N", completes: Any = None) -> Any:
    """Return the option of the key `name`; of a number, with the range that help shows."""
    key = keys.key(name)
    least, most = None, None
    if isinstance(key.kind, Number):
        least = key.kind.least if key.kind.whole else float(key.kind.least)
        if key.kind.most < LARGEST and not key.kind.why:  # help is the same on all machines
            most = float(key.kind.most)
    return typer.Option(
        *spellings,
        callback=_taken(key),
        metavar=metavar,
        help=key.does,
        autocompletion=completes,
        min=least,
        max=most,
    )


Model = Annotated[
    str | None,
    _option("model", "-m", "--model", metavar="MODEL", completes=names_to_run),
]
Effort = Annotated[str, _option("effort", "-e", "--effort", metavar="low|medium|high|none")]
System = Annotated[str, _option("system", "--system", metavar="TEXT")]
Temperature = Annotated[float, _option("temperature")]
TopP = Annotated[float, _option("top_p")]
TopK = Annotated[int, _option("top_k")]
MinP = Annotated[float, _option("min_p")]
Seed = Annotated[int | None, _option("seed")]
MaxTokens = Annotated[int | None, _option("max_tokens")]
Context = Annotated[int | None, _option("context", "--context")]
Threads = Annotated[int | None, _option("threads")]
Repack = Annotated[bool, _option("repack", "--repack/--no-repack", metavar=None)]
Force = Annotated[bool, typer.Option("--force", help="Load it even if it does not fit in memory.")]
Cache = Annotated[bool, _option("cache", "--cache/--no-cache", metavar=None)]
ShowThinking = Annotated[
    bool | None, _option("show_thinking", "--show-thinking/--hide-thinking", metavar=None)
]
Stats = Annotated[bool, _option("stats", "--stats/--no-stats", metavar=None)]
Date = Annotated[
    str | None,
    typer.Option(
        callback=_date, metavar="YYYY-MM-DD", help="The day the model is told; today by default."
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Take what the configuration sets for this profile.",
        autocompletion=profiles,
    ),
]
Plain = Annotated[bool, _option("plain", "--plain/--no-plain", metavar=None)]
Save = Annotated[bool, _option("save", "--save/--no-save", metavar=None)]
IdlePrefill = Annotated[
    bool, _option("idle_prefill", "--idle-prefill/--no-idle-prefill", metavar=None)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``run`` and ``chat`` were asked for, an option each; None means: choose.

    What was not asked for is as it is configured. ``given`` names what the command line itself
    says, also by ``--profile``. Options of some commands only, and what is no option at all, are
    as configured in the others: ``plain``, ``save``, ``idle_prefill``, ``theme``, ``cache_gib``.
    """

    model: Model = DEFAULTS["model"]
    effort: Effort = DEFAULTS["effort"]
    system: System = DEFAULTS["system"]
    temperature: Temperature = DEFAULTS["temperature"]
    top_p: TopP = DEFAULTS["top_p"]
    top_k: TopK = DEFAULTS["top_k"]
    min_p: MinP = DEFAULTS["min_p"]
    seed: Seed = DEFAULTS["seed"]
    max_tokens: MaxTokens = DEFAULTS["max_tokens"]
    context: Context = DEFAULTS["context"]
    threads: Threads = DEFAULTS["threads"]
    repack: Repack = DEFAULTS["repack"]
    force: Force = False
    cache: Cache = DEFAULTS["cache"]
    show_thinking: ShowThinking = DEFAULTS["show_thinking"]
    stats: Stats = DEFAULTS["stats"]
    date: Date = None
    profile: Profile = None
    plain: Plain = DEFAULTS["plain"]
    save: Save = DEFAULTS["save"]
    idle_prefill: IdlePrefill = DEFAULTS["idle_prefill"]
    theme: str = DEFAULTS["theme"]
    cache_gib: float = DEFAULTS["cache_gib"]
    given: frozenset[str] = frozenset()

    def seeded(self) -> Settings:
        """Return the settings with a seed, of our own choice if none is set: it can be told, so
        that every answer can be had again.
        """
        if self.seed is not None:
            return self
        import secrets

        return replace(self, seed=secrets.randbits(_SEED_BITS))


_NO_OPTIONS: Final = frozenset(("theme", "cache_gib", "given"))
_OF_SOME: Final = frozenset(("plain", "save", "idle_prefill"))


def takes_settings(command: Callable[..., Task]) -> Callable[..., Task]:
    """Give `command` the options of ``Settings`` and pass them as its argument ``settings``."""
    return takes_settings_with()(command)


def takes_settings_with(*more: str) -> Callable[[Callable[..., Task]], Callable[..., Task]]:
    """As ``takes_settings``, with the options `more` of those that only some commands have.

    Typer reads a command's signature: this one is put together from both.
    """

    def decorated(command: Callable[..., Task]) -> Callable[..., Task]:
        left_out = _NO_OPTIONS | (_OF_SOME - set(more))
        fields = inspect.signature(Settings, eval_str=True).parameters
        shared = {name: field for name, field in fields.items() if name not in left_out}
        own = inspect.signature(command, eval_str=True).parameters

        def with_options(**values: Any) -> Task:
            asked = {name: values.pop(name) for name in shared}
            ctx = values["ctx"] if "ctx" in own else values.pop("ctx")
            return command(settings=_settings(ctx, asked), **values)

        parameters = [p for p in own.values() if p.name != "settings"] + list(shared.values())
        if "ctx" not in own:
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.insert(0, inspect.Parameter("ctx", kind, annotation=typer.Context))
        keyword_only = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
        with_options.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
        with_options.__annotations__ = {p.name: p.annotation for p in keyword_only}
        with_options.__name__ = command.__name__
        with_options.__doc__ = command.__doc__
        return with_options

    return decorated


def _settings(ctx: typer.Context, asked: dict[str, Any]) -> Settings:
    """Return what was `asked` for on the command line, the rest as it is configured.

    Raises ConfigError when what is configured cannot be.
    """
    from gptoss_cli.cli.config.source import configured
    from gptoss_cli.config.precedence import Origin

    flags = {name for name in asked if is_given(ctx, name)}
    configuration = configured(asked["profile"])
    profiled = set()
    for name, setting in configuration.settings.items():
        if name not in flags:
            asked[name] = setting.value
            if setting.origin is Origin.PROFILE and "profile" in flags:
                profiled.add(name)
    return Settings(**asked, given=frozenset(flags | profiled))


def is_given(ctx: typer.Context, name: str) -> bool:
    """Whether the command line says what `name` is."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
