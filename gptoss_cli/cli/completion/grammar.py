"""What can be typed, read from Typer's commands: for completion, and for the man page.

Completion must not wait for Typer: ``grammar.json`` holds what it needs, and is made by
``python -m gptoss_cli.cli.generate``. What the value of a parameter may be is told by its
``autocompletion`` (a function that takes the beginning of a word and returns ``Offers``), else by
its metavar: FILE, PATH or FOLDER in it mean files, and of ``a|b|OTHER`` the small ones are words.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import typer.main
import typer.utils

from gptoss_cli.cli import app

FLAG: Final = ""
TEXT: Final = "text"
FILES: Final = "files"
_CHOICE: Final = re.compile(r"[a-z][a-z0-9-]*")
_FILE: Final = re.compile(r"\b(?:FILE|PATH|FOLDER)S?\b")


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option or an argument, whose ``names`` are empty.

    ``help`` is the sentence about it; ``term`` and ``shown`` are the two columns of --help, which
    has defaults and ranges, too. ``offers`` is FLAG, TEXT (nothing can be offered), FILES, the
    words with | between them, or the place of a function, ``module:name``.
    """

    names: tuple[str, ...]
    term: str
    help: str
    shown: str
    offers: str
    repeats: bool


@dataclass(frozen=True)
class Node:
    """A command or a group of them, as Typer has it; ``path`` are the words that name it."""

    path: tuple[str, ...]
    command: Any
    summary: str = ""

    @property
    def help(self) -> str:
        """All that --help says before the options."""
        return str(self.command.help or "")

    @cached_property
    def commands(self) -> tuple[Node, ...]:
        """The commands of a group, in their order."""
        return tuple(
            Node((*self.path, name), command, _summary(self.command, name, command))
            for name, command in getattr(self.command, "commands", {}).items()
        )

    @cached_property
    def usage(self) -> str:
        """What stands behind the words that name it: ``[OPTIONS] {SESSION}``."""
        return " ".join(self.command.collect_usage_pieces(self._context))

    @cached_property
    def _context(self) -> Any:
        return self.command.context_class(
            self.command, help_option_names=["-h", "--help"], info_name=self.path[-1]
        )

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Options and arguments in their order; --help last."""
        context = self._context
        # Typer wraps the function of a command.
        offers = _places(inspect.unwrap(self.command.callback) if self.command.callback else None)
        return tuple(
            _parameter(param, context, offers.get(param.name, ""))
            for param in self.command.get_params(context)
            if not param.hidden
        )

    def walk(self) -> Iterator[Node]:
        """Yield this and all below it."""
        yield self
        for node in self.commands:
            yield from node.walk()


def whole() -> Node:
    """Return the program itself."""
    return Node(("gptoss",), typer.main.get_command(app.app))


def _summary(group: Any, name: str, command: Any) -> str:
    table = getattr(group, "table", {})
    return str(table[name].summary if name in table else command.get_short_help_str(200))


def plain(node: Node) -> dict[str, Any]:
    """Return `node` as ``grammar.json`` has it."""
    options = [p for p in node.parameters if p.names]
    return {
        "summary": node.summary,
        "options": [[list(p.names), p.help, p.offers, p.repeats] for p in options],
        "arguments": [[p.offers, p.repeats] for p in node.parameters if not p.names],
        "commands": {child.path[-1]: plain(child) for child in node.commands},
    }


def as_json(tree: Mapping[str, Any], indent: str = "") -> str:
    """Return what ``plain`` returns as JSON that can be read and compared: an option a line."""
    lines = [
        f'"summary": {_json(tree["summary"])}',
        f'"arguments": {_json(tree["arguments"])}',
        '"options": [' + ",".join(f"\n{indent}  {_json(o)}" for o in tree["options"]) + "]",
        '"commands": {'
        + ",".join(
            f"\n{indent} {_json(name)}: {as_json(child, indent + ' ')}"
            for name, child in tree["commands"].items()
        )
        + "}",
    ]
    return "{" + f",\n{indent} ".join(lines) + "}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _places(callback: Callable[..., Any] | None) -> Mapping[str, str]:
    """Return the place of the function that completes it for each parameter that has one."""
    if callback is None:
        return {}
    infos = {
        name: getattr(parameter.default, "autocompletion", None)
        for name, parameter in typer.utils.get_params_from_function(callback).items()
    }
    return {name: f"{f.__module__}:{f.__qualname__}" for name, f in infos.items() if f}


def _parameter(param: Any, context: Any, place: str) -> Parameter:
    is_argument = param.param_type_name == "argument"
    is_flag = not is_argument and (param.is_flag or param.count)
    metavar = "" if is_flag else param.make_metavar(ctx=context)
    choices = [word for word in metavar.strip("[{}]").split("|") if _CHOICE.fullmatch(word)]
    if is_flag:
        offers = FLAG
    elif place:
        offers = place
    elif _FILE.search(metavar):
        offers = FILES
    else:
        offers = "|".join(choices) if len(choices) > 1 else TEXT
    # Typer has the names of --help in no order.
    names = sorted(param.opts, key=lambda name: name.startswith("--"))
    term, shown = param.get_help_record(context) or ("", "")
    return Parameter(
        () if is_argument else (*names, *param.secondary_opts),
        term,
        param.help or "",
        shown,
        offers,
        param.nargs == -1 or bool(getattr(param, "multiple", False)),
    )
