"""``gptoss models df``."""

from __future__ import annotations

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Json, emit_json, print_list, say_fault
from gptoss_cli.errors import ExitCode


def df(json: Json = False) -> Task:
    """Show what models and unfinished downloads take on the disk."""
    return lambda: _df(json=json)


def _df(*, json: bool) -> int:
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.models.library import Hold
    from gptoss_cli.ui.listing import Column
    from gptoss_cli.ui.status import size

    here = shelf()
    listing = here.cache.scan()
    arranged, fault = here.library.look()
    own = [model for model in arranged.imported if model.hold is not Hold.IN_PLACE]
    taken = {
        "models": listing.weights_bytes,
        "partials": listing.partial_bytes,
        "imported": sum(model.size_bytes for model in own if not model.is_missing),
    }
    places = {
        "models": here.cache.root,
        "partials": here.cache.root,
        "imported": here.library.folder,
    }
    free = here.cache.free_bytes()
    if json:
        sizes = {f"{what}_bytes": count for what, count in taken.items()}
        emit_json(sizes | {"free_bytes": free, "cache": str(here.cache.root)})
        say_fault(fault)
        return ExitCode.OK
    names = {
        "models": "downloaded models",
        "partials": "unfinished downloads",
        "imported": "imported models (linked or copied)",
    }
    rows = [(names[what], size(count), str(places[what])) for what, count in taken.items()]
    rows.append(("free", size(free) if free is not None else "?", str(here.cache.root)))
    plain = [(what, str(count), str(places[what])) for what, count in taken.items()]
    plain.append(("free", str(free if free is not None else ""), str(here.cache.root)))
    columns = [Column("WHAT"), Column("SIZE", right=True), Column("IN", rank=1)]
    print_list(columns, rows, plain, if_empty="")
    say_fault(fault)
    return ExitCode.OK
