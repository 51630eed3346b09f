"""What counts where a key is set more than once: option, variable, profile, file, default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gptoss_cli.config.checking import Checked, Problem, check_file
from gptoss_cli.config.file import PROFILES, ConfigError, ConfigFile, profile_names
from gptoss_cli.config.keys import (
    KEYS,
    PROFILE_VARIABLE,
    Key,
    Value,
    nearest,
    shortened,
)

_EDIT: Final = "gptoss config edit"
_CHECK: Final = "gptoss config check"


class Origin(StrEnum):
    """Where a value comes from, the strongest first."""

    OPTION = "option"
    ENVIRONMENT = "environment"
    PROFILE = "profile"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a key is, and why. ``path`` is where it stands in the file, if it does there."""

    key: Key
    value: Value
    origin: Origin
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that is set outside of the command line."""

    file: ConfigFile
    profile: str | None
    settings: Mapping[str, Setting]

    def __getitem__(self, name: str) -> Setting:
        return self.settings[name]


def configuration(
    file: ConfigFile, environ: Mapping[str, str], profile: str | None
) -> Configuration:
    """Return what counts of `environ` and `file` with its `profile`, or that of ``GPTOSS_PROFILE``.

    A variable that is set to nothing counts as not set. Raises ConfigError when something is set
    that cannot be, but not for other profiles than this one.
    """
    name = profile if profile is not None else environ.get(PROFILE_VARIABLE) or None
    base, profiles = check_file(file.tables, lambda candidate: candidate == name)
    chosen = Checked({}, ())
    if name is not None:
        _require_profile(file, name, by_variable=profile is None)
        chosen = profiles.get(name, chosen)
    _refuse(file, (*base.problems, *chosen.problems))
    variables, sentences = read_variables(environ)
    if sentences:
        raise ConfigError(sentences[0], hint="set it to what it takes, or unset it")
    return Configuration(
        file, name, {k.name: _setting(k, variables, chosen, base, name) for k in KEYS}
    )


def read_variables(environ: Mapping[str, str]) -> tuple[dict[str, Value], list[str]]:
    """Return what the variables of `environ` set, and a sentence for each that cannot be."""
    values: dict[str, Value] = {}
    problems = []
    for key in KEYS:
        text = environ.get(key.variable)
        if not text:
            continue
        value = key.kind.read(text)
        if key.kind.takes(value):
            values[key.name] = value  # type: ignore[assignment]
        else:
            problems.append(f"{key.variable} {key.refusal(text)}")
    return values, problems


def problems_of(file: ConfigFile, environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for everything that is wrong, in all profiles too, in order of lines."""
    base, profiles = check_file(file.tables, lambda _: True)
    found = [*base.problems, *(p for checked in profiles.values() for p in checked.problems)]
    sentences = [
        f"{file.place(p.path)}: {p.sentence}"
        for p in sorted(found, key=lambda p: file.line(p.path) or 0)
    ]
    _, wrong = read_variables(environ)
    sentences += wrong
    name = environ.get(PROFILE_VARIABLE)
    if name:
        try:
            _require_profile(file, name, by_variable=True)
        except ConfigError as error:
            sentences.append(str(error))
    return sentences


def _setting(
    key: Key, variables: Mapping[str, Value], chosen: Checked, base: Checked, profile: str | None
) -> Setting:
    if key.name in variables:
        return Setting(key, variables[key.name], Origin.ENVIRONMENT)
    if profile is not None and key.name in chosen.values:
        path = (PROFILES, profile, *key.path)
        return Setting(key, chosen.values[key.name], Origin.PROFILE, path)
    if key.name in base.values:
        return Setting(key, base.values[key.name], Origin.FILE, key.path)
    return Setting(key, key.default, Origin.DEFAULT)


def _require_profile(file: ConfigFile, name: str, *, by_variable: bool) -> None:
    names = profile_names(file)
    if name in names:
        return
    asked = f", which {PROFILE_VARIABLE} names" if by_variable else ""
    message = f"there is no profile {shortened(name)}{asked}"
    near = nearest(name, names, cutoff=0.4)
    if near:
        hint = f"--profile {near}"
    elif names:
        hint = "one of " + ", ".join(names[:10])
    else:
        message += ": no profile is defined"
        hint = f"gptoss config set {PROFILES}.NAME.effort high defines one"
    raise ConfigError(f"{message}.", hint=hint)


def _refuse(file: ConfigFile, problems: tuple[Problem, ...]) -> None:
    if not problems:
        return
    first, *others = problems
    more = f" There {'is' if len(others) == 1 else 'are'} {len(others)} more." if others else ""
    raise ConfigError(
        f"{file.place(first.path)}: {first.sentence}{more}", hint=_CHECK if others else _EDIT
    )
