"""``gptoss models rm``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gptoss_cli.cli.models.output import Yes, agrees, can_be_asked
from gptoss_cli.cli.options import Task
from gptoss_cli.errors import ExitCode, GptossError, NoModelError, UsageError

if TYPE_CHECKING:
    from gptoss_cli.cli.models.shelf import Shelf
    from gptoss_cli.models.cache.folder import CachedModel, PartialDownload
    from gptoss_cli.models.library import Imported


def rm(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Names as ls shows them.")
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
    if not yes:
        if not can_be_asked():
            raise UsageError("nothing was removed: nobody can be asked.", hint="--yes")
        if not agrees("Remove?", default=False):
            say("nothing was removed.")
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

    model = here.registry.parse(name)
    if not isinstance(model, HubModel):
        return [here.installed(name)]
    cached = here.cache.find(model)
    if not isinstance(cached, Undecided):
        return [cached]
    means_all = (model.quantization, model.file, model.revision) == (None, None, None)
    listing = here.cache.scan()
    key = model.repo_id.casefold()
    if not means_all or cached.why not in {Unclear.NOT_THERE, Unclear.PARTS_MISSING}:
        begun = any(entry.repo_id.casefold() == key for entry in listing.partials)
        if begun and cached.why is Unclear.NOT_THERE:
            raise NoModelError(cached.message, hint="gptoss models rm --partials")
        raise undecided(cached, verb="models rm")
    left: list[CachedModel | PartialDownload | Imported] = []
    left += [entry for entry in listing.unfinished if entry.repo_id.casefold() == key]
    left += [entry for entry in listing.partials if entry.repo_id.casefold() == key]
    if not left:
        raise NoModelError(cached.message, hint="gptoss models ls")
    return left


def _line(entry: CachedModel | PartialDownload | Imported) -> str:
    from gptoss_cli.models.cache.folder import CachedModel
    from gptoss_cli.models.library import Hold, Imported
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.status import size

    amount = size(entry.size_bytes)
    match entry:
        case Imported(hold=Hold.IN_PLACE):
            text = f"{entry.name}: only the name; {entry.path} stays"
        case Imported():
            text = f"{entry.name}: {amount}, a {entry.hold.value}"
        case CachedModel():
            text = f"{entry.repo_id} ({entry.name}): {amount}"
        case _:
            text = f"{entry.repo_id}: {amount} of an unfinished download"
    return sanitize_line(text)
