"""The names of models that a shell offers while one is typed."""

from __future__ import annotations

from gptoss_cli.errors import GptossError


def names_here(incomplete: str) -> list[str]:
    """Return the installed models whose names begin like that."""
    return _beginning(incomplete, _here())


def names_to_run(incomplete: str) -> list[str] | None:
    """Return the same, and the model of the program; None, which means files, for any other."""
    from gptoss_cli.models.names import DEMO

    return _beginning(incomplete, {DEMO, *_here()}) or None


def names_to_show(incomplete: str) -> list[str] | None:
    """Return what can be shown, here or on the hub; None for any other."""
    from gptoss_cli.models.names import CATALOG, DEMO

    return _beginning(incomplete, {DEMO, *CATALOG, *_here()}) or None


def names_to_pull(incomplete: str) -> list[str]:
    """Return the models of the catalog, and those whose download was not finished."""
    from gptoss_cli.models.names import CATALOG

    return _beginning(incomplete, {*CATALOG, *_here(whole=False, unfinished=True)})


def names_to_remove(incomplete: str) -> list[str]:
    """Return what is here, whole or not."""
    return _beginning(incomplete, _here(unfinished=True))


def _beginning(incomplete: str, names: set[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def _here(*, whole: bool = True, unfinished: bool = False) -> set[str]:
    """Return the names of the models that are here; a shell has no place for what is wrong."""
    from gptoss_cli.cli.models.shelf import shelf

    here = shelf()
    names: set[str] = set()
    try:
        listing = here.cache.scan()
    except GptossError:
        return names
    if whole:
        arranged, _ = here.library.look()
        names |= {entry.name for entry in here.registry.installed(listing, arranged)}
    if unfinished and (listing.partials or listing.unfinished):
        from gptoss_cli.models.unfinished import unfinished as unfinished_in

        names |= {entry.model.short for entry in unfinished_in(listing) if entry.weights}
    return names
