"""``gptoss "..."`` is short for ``gptoss run "..."``, bare ``gptoss`` for ``gptoss chat``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

_ITS_OWN_OPTIONS = ("--help", "-h", "--version")


@dataclass(frozen=True, slots=True)
class Invocation:
    """The arguments with their command first; ``implied`` when the person did not write it."""

    arguments: tuple[str, ...]
    commands: Collection[str]
    implied: bool = False


def with_command(arguments: Sequence[str], commands: Collection[str]) -> Invocation:
    """Return `arguments` with the command they imply in front, if they name none."""
    if arguments and (arguments[0] in commands or arguments[0] in _ITS_OWN_OPTIONS):
        return Invocation(tuple(arguments), commands)
    return Invocation(("run", *arguments), commands, implied=True)
