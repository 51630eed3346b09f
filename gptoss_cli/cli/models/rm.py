"""``gptoss models rm``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gptoss_cli.cli.models.completion import names_to_remove
from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Yes, may_remove
from gptoss_cli.errors import ExitCode, GptossError, NoModelError, UsageError

if TYPE_CHECKING:
    from gptoss_cli.cli.models.shelf import Shelf
    from gptoss_cli.models.cache.contents import CachedModel, PartialDownload
    from gptoss_cli.models.library import Imported


def rm(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="Names as ls shows them.", autocompletion=names_to_remove
        ),
    ] = None,
    partials: Annotated[
        bool, typer.Option("--partials", help="All unfinished downloads, too.")
    ] = False,
    yes: Yes = False,
) -> Task:
    """Remove models, and what of their downloads was not finished."""
    if not models and not partials:
        raise UsageError("no model is named.", hint="gptoss models ls shows them")
    return lambda: _rm(models or [], partials=partials, yes=yes)


def _rm(names: list[str], *, partials: bool, yes: bool) -> int:
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.models.cache.removal import remove
    from gptoss_cli.models.importer import forget
    from gptoss_cli.models.library import Imported
    from gptoss_cli.ui.say import say
    from gptoss_cli.ui.status import error, size

    here = shelf()
    here.library.read()  # what is damaged is told before anything is removed
    found = [entry for name in names for entry in _found(here, name)]
    if partials:
        listing = here.cache.scan()
        found += [*listing.unfinished, *listing.partials]
    found = list(dict.fromkeys(found))
    if not found:
        say("there is nothing to remove.")
        return ExitCode.OK
    for entry in found:
        say(_line(entry))
    if not yes and not may_remove():
        return ExitCode.OK
    freed, code = 0, ExitCode.OK
    for entry in found:
        try:
            if isinstance(entry, Imported):
                freed += forget(entry, here.library)
            else:
                freed += remove(here.cache, [entry])
        except GptossError as problem:  # the others go all the same
            say(error(str(problem), problem.hint))
            code = ExitCode.ERROR
    here.registry.drop_lost_default()
    say(f"{size(freed)} became free.")
    return code


def _found(here: Shelf, name: str) -> list[CachedModel | PartialDownload | Imported]:
    """Return what `name` means: a model that is here, or what is left of its download."""
    from gptoss_cli.cli.models.pull import undecided
    from gptoss_cli.models.choice import Unclear, Undecided
    from gptoss_cli.models.names import HubModel
    from gptoss_cli.models.unfinished import choose_unfinished, of_the_same

    model = here.registry.parse(name)
    if not isinstance(model, HubModel):
        return [here.installed(name)]
    cached = here.cache.find(model)
    listing = here.cache.scan()
    if not isinstance(cached, Undecided):
        return [cached, *of_the_same(cached, listing)]
    if cached.why is Unclear.AMBIGUOUS:
        raise undecided(cached, verb="models rm")
    left = choose_unfinished(model, listing)
    if isinstance(left, Undecided):
        raise undecided(left, verb="models rm")
    if not left and cached.candidates:
        raise undecided(cached, verb="models rm")
    if not left:
        raise NoModelError(cached.message, hint="gptoss models ls")
    return [*left]


def _line(entry: CachedModel | PartialDownload | Imported) -> str:
    from gptoss_cli.models.cache.contents import CachedModel
    from gptoss_cli.models.library import Hold, Imported
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.status import size

    amount = size(entry.size_bytes)
    match entry:
        case Imported() if entry.is_missing:
            text = f"{entry.name}: only the name; {entry.path} is missing"
        case Imported(hold=Hold.IN_PLACE):
            text = f"{entry.name}: only the name; {entry.path} stays"
        case Imported():
            text = f"{entry.name}: {amount}, a {entry.hold.value}"
        case CachedModel():
            revisions = f", at {len(entry.copies) + 1} revisions" if entry.copies else ""
            text = f"{entry.repo_id} ({entry.name}): {amount}{revisions}"
        case _:
            name = entry.model.short if entry.model else entry.repo_id
            text = f"{name}: {amount} of an unfinished download"
    return sanitize_line(text)
