"""What a person means by a KEY on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gptoss_cli.cli.config.completion import keys
from gptoss_cli.errors import UsageError

if TYPE_CHECKING:
    from gptoss_cli.config.keys import Key

Name = Annotated[
    str,
    typer.Argument(
        metavar="KEY",
        help="A key of show; one of a profile is profiles.NAME.KEY.",
        autocompletion=keys,
    ),
]


def meant(name: str) -> tuple[Key, tuple[str, ...]]:
    """Return the key that `name` means and where it stands in the file.

    A key may be called by its own name without its table. Raises UsageError where there is none.
    """
    from gptoss_cli.config.checking import key_named
    from gptoss_cli.config.file import PROFILES
    from gptoss_cli.config.keys import shortened

    first, *rest = name.split(".")
    if first != PROFILES:
        if key := key_named(name):
            return key, key.path
        raise _no_key(name, name)
    # A profile's name may have dots itself: the longest end that is a key is the key.
    for size in range(1, len(rest)):
        profile, end = _unquoted(".".join(rest[:size])), ".".join(rest[size:])
        if profile and (key := key_named(end)):
            return key, (PROFILES, profile, *key.path)
    if len(rest) > 1 and not _unquoted(rest[0]):
        raise UsageError(
            f"{shortened(name)} names no profile.", hint=f"gptoss config set {PROFILES}.NAME.KEY"
        )
    if len(rest) > 1:
        raise _no_key(name, ".".join(rest[1:]))
    raise UsageError(
        f"{name} is no key, it is a table of them.", hint=f"gptoss config set {PROFILES}.NAME.KEY"
    )


def _unquoted(profile: str) -> str:
    """Return `profile` without the quotes that the file has around such a name."""
    is_quoted = len(profile) > 1 and profile[0] == profile[-1] and profile[0] in "\"'"
    return profile[1:-1] if is_quoted else profile


def _no_key(name: str, end: str) -> UsageError:
    from gptoss_cli.config.checking import near_key
    from gptoss_cli.config.keys import shortened

    near = near_key(end)
    lead = name.removesuffix(end)
    hint = f"did you mean {lead}{near}?" if near else "gptoss config show"
    return UsageError(f"there is no key {shortened(name)}.", hint=hint)
