"""Prompts with places to fill in, kept as TOML files: the program's own and the person's."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gptoss_cli.config.checking import check
from gptoss_cli.config.keys import Value, nearest
from gptoss_cli.errors import UsageError

INPUT: Final = "input"
"""The place of the question itself."""

_OWN_FOLDER: Final = Path(__file__).resolve().parent.parent / "templates"
_SUFFIX: Final = ".toml"
_MOST_BYTES: Final = 1 << 20
_TEXTS: Final = ("description", "example", "system", "prompt", "schema", "extract")
_KEYS: Final = (*_TEXTS, "parameters")
_PARAMETER_KEYS: Final = ("help", "default", "file")
_PLACE: Final = re.compile(r"[a-z_][a-z0-9_]*")


class _Places(string.Template):
    idpattern = r"(?a:[a-z_][a-z0-9_]*)"
    flags = re.NOFLAG


@dataclass(frozen=True, slots=True)
class Parameter:
    """A place to fill in: ``default`` None must be given; ``is_file``: the content of a file."""

    help: str = ""
    default: str | None = None
    is_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A prompt with ``$input`` and other ``$places``; ``$$`` is a dollar.

    ``settings`` are the keys of the configuration that it sets, by the names of their options;
    ``schema`` and ``extract`` are as on the command line.
    """

    name: str
    path: Path
    prompt: str = f"${INPUT}"
    system: str = ""
    description: str = ""
    example: str = ""
    schema: str | None = None
    extract: str | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    settings: Mapping[str, Value] = field(default_factory=dict)

    @property
    def wants_input(self) -> bool:
        """Whether there is a place for the question."""
        return INPUT in _places(self.prompt)

    def filled(self, question: str, given: Mapping[str, str]) -> tuple[str, str]:
        """Return the prompt and the system text with `question` and the `given` values in place.

        A question that the prompt has no place for stands behind it. Raises UsageError for values
        that are missing, or that nothing asks for.
        """
        for name in given:
            if name not in self.parameters:
                near = nearest(name, self.parameters)
                meant = [near] if near else list(self.parameters)
                raise UsageError(
                    f"the template {self.name} has no parameter {name}.",
                    hint=" ".join(f"-p {known}=…" for known in meant),
                )
        values = {INPUT: question}
        for name, parameter in self.parameters.items():
            value = given.get(name, parameter.default)
            if value is None:
                what = "a file, " if parameter.is_file else ""
                raise UsageError(
                    f"the template {self.name} wants {name}: {what}{parameter.help}.",
                    hint=f"-p {name}={'FILE' if parameter.is_file else 'VALUE'}",
                )
            values[name] = value
        prompt = _Places(self.prompt).substitute(values).strip("\n")
        if not self.wants_input and question:
            prompt = f"{prompt}\n\n{question}"
        return prompt, _Places(self.system).substitute(values).strip("\n")


def load_template(name: str, folder: Path) -> Template:
    """Return the template `name`: of `folder`, of the program, or in a file if it is a path.

    Raises UsageError when there is none, or something is wrong with it.
    """
    path = _path(name, folder)
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise UsageError(f"{path} is too large for a template.")
        content = tomllib.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not valid UTF-8 (byte {error.start + 1:,}).") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML: {error}.") from error
    return _Reader(path).template(content)


def template_names(folder: Path) -> list[str]:
    """Return the names of all templates, the person's in `folder` and the program's."""
    names = {path.stem for place in (folder, _OWN_FOLDER) for path in _files(place)}
    return sorted(names)


def all_templates(folder: Path) -> Iterator[tuple[str, Template | UsageError]]:
    """Yield every template by its name, or what is wrong with it: the others are still of use."""
    for name in template_names(folder):
        try:
            yield name, load_template(name, folder)
        except UsageError as error:
            yield name, error


def described_templates(folder: Path) -> list[tuple[str, str]]:
    """Return the names of all templates with what they do; of a damaged one, nothing."""
    return [
        (name, "" if isinstance(template, UsageError) else template.description)
        for name, template in all_templates(folder)
    ]


def is_path(name: str) -> bool:
    """Whether `name` is the path of a template rather than its name."""
    return "/" in name or "\\" in name or name.endswith(_SUFFIX)


def _path(name: str, folder: Path) -> Path:
    if not name:
        raise UsageError("the template has no name.", hint="gptoss templates")
    if is_path(name):
        return Path(name)
    for place in (folder, _OWN_FOLDER):
        path = place / f"{name}{_SUFFIX}"
        if path.is_file():
            return path
    raise _unknown("there is no template", name, template_names(folder))


def _files(place: Path) -> list[Path]:
    try:
        return sorted(place.glob(f"*{_SUFFIX}"))
    except OSError:
        return []


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one file; every error names it."""

    path: Path

    def template(self, content: Mapping[str, Any]) -> Template:
        texts = {key: self._text(content, key) for key in _TEXTS if key in content}
        parameters = self._table(content, "parameters")
        checked = check(content, also=_KEYS)
        if checked.problems:
            raise UsageError(f"{self.path}: {checked.problems[0].sentence}")
        template = Template(
            name=self.path.stem,
            path=self.path,
            parameters={name: self._parameter(name, parameters) for name in parameters},
            settings=checked.values,
            **texts,
        )
        for key in ("prompt", "system"):
            text = getattr(template, key)
            if not _Places(text).is_valid():
                raise self._wrong(f"{key} has a $ that begins no name", hint="$$ is a dollar")
            for place in sorted(_places(text) - {INPUT, *template.parameters}):
                raise self._wrong(
                    f"{key} has ${place}, which is no parameter",
                    hint=f"[parameters.{place}] in the file, or $$ for a dollar",
                )
        return template

    def _parameter(self, name: str, parameters: Mapping[str, Any]) -> Parameter:
        if not _PLACE.fullmatch(name) or name == INPUT:
            raise self._wrong(f"{name} cannot be the name of a parameter", hint="a-z, 0-9 and _")
        table = self._table(parameters, name)
        for key in table:
            if key not in _PARAMETER_KEYS:
                raise _unknown(f"{self.path}: a parameter has no", key, _PARAMETER_KEYS)
        is_file = table.get("file", False)
        if not isinstance(is_file, bool):
            raise self._wrong(f"parameters.{name}.file is true or false")
        return Parameter(
            help=self._text(table, "help") if "help" in table else "",
            default=self._text(table, "default") if "default" in table else None,
            is_file=is_file,
        )

    def _text(self, table: Mapping[str, Any], key: str) -> str:
        value = table[key]
        if not isinstance(value, str):
            raise self._wrong(f"{key} is not a text")
        return value

    def _table(self, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(f"{key} is not a table")
        return value

    def _wrong(self, what: str, hint: str = "") -> UsageError:
        return UsageError(f"{self.path}: {what}.", hint=hint)


def _places(text: str) -> set[str]:
    return set(_Places(text).get_identifiers())


def _unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    known = list(known)
    near = nearest(name, (other for other in known if other != name))  # a link that leads nowhere
    hint = f"did you mean {near}?" if near else ", ".join(known)
    return UsageError(f"{what} {name}.", hint=hint)
