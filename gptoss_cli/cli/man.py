"""The man page, made of the commands, the exit codes, and what stands here about the rest.

Written in the macros of man(7), as plain as they go: old and other programs read them, too.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from gptoss_cli.cli.completion.grammar import Node, Parameter
from gptoss_cli.errors import ExitCode

_HEAD: Final = '.TH GPTOSS 1 "" gptoss "User commands"'
_SHARED_FROM: Final = "run"
_LEAST_SHARED: Final = 5
_COLUMNS: Final = 80  # of the source; some programs ask for it
_FILES: Final = (
    ("$XDG_CONFIG_HOME/gptoss/config.toml", "What is configured; gptoss config."),
    ("$XDG_DATA_HOME/gptoss/sessions.db", "The conversations that are kept."),
    ("$XDG_DATA_HOME/gptoss/models.json", "The default model, and those that were imported."),
    ("$XDG_STATE_HOME/gptoss/history", "What was typed in the chat."),
    ("$XDG_STATE_HOME/gptoss/report-*.txt", "Reports of defects; they hold nothing you wrote."),
    ("$HF_HOME/hub", "The models, in the cache that all programs of Hugging Face share."),
)
_FOLDERS: Final = (
    "Without these variables the folders are ~/.config, ~/.local/share, ~/.local/state and "
    "~/.cache/huggingface, on Windows and macOS those of the platform."
)
_ENVIRONMENT: Final = (
    ("GPTOSS_CONFIG", "Another file than config.toml."),
    ("GPTOSS_PROFILE", "The profile of the configuration where --profile names none."),
    ("GPTOSS_MODEL, GPTOSS_EFFORT ...", "A key of the configuration each: gptoss config show."),
    ("HF_HOME, HF_HUB_CACHE", "Where the models are kept."),
    ("HF_ENDPOINT", "Another hub."),
    ("HF_TOKEN", "Who you are at the hub."),
    ("HF_HUB_OFFLINE", "1: ask nothing of the network."),
    ("NO_COLOR, FORCE_COLOR", "No colours, or colours also into a pipe on standard error."),
    ("TERM", "dumb: nothing on the screen moves."),
    ("VISUAL, EDITOR", "What edits a message of the chat, and the configuration."),
    (
        "XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME",
        "Where configuration, conversations and the rest are kept.",
    ),
)


def page(whole: Node) -> str:
    """Return the page in roff, in ASCII."""
    return "\n".join(_lines(whole)) + "\n"


def _lines(whole: Node) -> Iterator[str]:
    yield '.\\" Made of the program by: python -m gptoss_cli.cli.generate'
    yield _HEAD
    yield ".SH NAME"
    yield r"gptoss \- run gpt-oss models in the terminal"
    yield ".SH SYNOPSIS"
    yield from _synopsis(whole)
    yield ".SH DESCRIPTION"
    yield _text(whole.help)
    yield ".PP"
    yield _text(
        "Standard output carries the answer and nothing else; thinking, notes, statistics and "
        "errors go to standard error. What is piped in goes after the prompt."
    )
    yield ".SH OPTIONS"
    yield from _options(whole.parameters)
    yield ".SH COMMANDS"
    shared = next(n.parameters for n in whole.commands if n.path[-1] == _SHARED_FROM)
    for node in whole.walk():
        if len(node.path) > 1:
            yield from _command(node, shared)
    yield ".SH EXIT STATUS"
    yield from _terms((str(int(code)), code.meaning) for code in sorted(ExitCode))
    yield ".SH FILES"
    yield from _terms(_FILES)
    yield ".PP"
    yield _text(_FOLDERS)
    yield ".SH ENVIRONMENT"
    yield from _terms(_ENVIRONMENT)
    yield ".SH EXAMPLES"
    yield ".EX"
    yield _text('gptoss "why is the sky blue?"')
    yield _text('gptoss run "summarise:" < notes.txt')
    yield ".EE"


def _synopsis(whole: Node) -> Iterator[str]:
    for node in (whole, *whole.commands):
        if node is not whole:
            yield ".br"
        yield r"\fB" + _text(" ".join(node.path)) + r"\fR " + _text(node.usage)


def _command(node: Node, shared: Sequence[Parameter]) -> Iterator[str]:
    yield ".SS " + " ".join(_text(f"{' '.join(node.path)} {node.usage}").split("\n"))
    yield _text(node.help)
    own = [p for p in node.parameters if p.names[-1:] != ("--help",)]
    common = [p for p in own if p in shared and p.names]
    if node.path[-1] != _SHARED_FROM and len(common) >= _LEAST_SHARED:
        yield ".PP"
        yield _text(f"It takes the options of gptoss {_SHARED_FROM}, too.")
        own = [p for p in own if p not in common]
    yield from _options(own)


def _options(parameters: Sequence[Parameter]) -> Iterator[str]:
    yield from _terms((p.term, " ".join(p.shown.split())) for p in parameters)


def _terms(pairs: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> Iterator[str]:
    for term, text in pairs:
        yield ".TP"
        yield r"\fB" + _text(term).replace("\n", " ") + r"\fR"
        yield _text(text.replace("`", ""))


def _text(text: str) -> str:
    """Return `text` in roff: no character of it is obeyed, and hyphens can be copied."""
    escaped = text.replace("\\", r"\(rs").replace("-", r"\-").replace("'", r"\(aq")
    escaped = escaped.replace("`", r"\(ga").replace("^", r"\(ha").replace("~", r"\(ti")
    escaped = re.sub("[^\x00-\x7f]", lambda m: f"\\[u{ord(m[0]):04X}]", escaped)
    lines = textwrap.wrap(escaped, _COLUMNS, break_long_words=False, break_on_hyphens=False)
    return "\n".join(rf"\&{line}" if line.startswith(".") else line for line in lines)
