"""``gptoss models verify``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gptoss_cli.cli.models.completion import names_to_remove
from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Json, emit_json, print_list
from gptoss_cli.errors import DownloadError, ExitCode, GptossError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gptoss_cli.cli.models.shelf import Shelf
    from gptoss_cli.models.cache.contents import CachedModel
    from gptoss_cli.models.library import Imported
    from gptoss_cli.models.verify import Claim, Verified


def verify(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model of ls.", autocompletion=names_to_remove)
    ],
    repair: Annotated[
        bool, typer.Option("--repair", help="Fetch again what is damaged or missing.")
    ] = False,
    json: Json = False,
) -> Task:
    """Read all files of a model and compare them with the digests the hub gave them."""
    return lambda: _verify(model, repair=repair, json=json)


def _verify(name: str, *, repair: bool, json: bool) -> int:
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.models.verify import State
    from gptoss_cli.ui.say import say

    here = shelf()
    model = here.installed(name, or_rest=True)
    found = _checked(model, here)
    if not json:
        _print(found)
    bad = [result for result in found if result.state in {State.DAMAGED, State.MISSING}]
    repaired = False
    try:
        if bad and repair:
            _repair(name, model, bad, here)
            repaired = True
    finally:
        if json:
            emit_json({"files": [_facts(r, repaired=repaired and r in bad) for r in found]})
    if repair and not bad:
        _drop_repairs(model, here)
    if bad and not repaired:
        say(f"  try: {_way_out(name, model)}")
        return ExitCode.ERROR
    return ExitCode.OK


def _drop_repairs(model: CachedModel | Imported, here: Shelf) -> None:
    """Remove the downloads for what was damaged and is good again, by whomever."""
    from gptoss_cli.models.cache.contents import PartialDownload
    from gptoss_cli.models.cache.removal import remove
    from gptoss_cli.models.library import Imported
    from gptoss_cli.models.unfinished import of_the_same

    if isinstance(model, Imported):
        return
    for entry in of_the_same(model, here.cache.scan()):
        if isinstance(entry, PartialDownload) and entry.repairs:
            with contextlib.suppress(GptossError):  # another program is at it
                remove(here.cache, [entry])


def _way_out(name: str, model: CachedModel | Imported) -> str:
    from gptoss_cli.models.library import Imported

    if isinstance(model, Imported):
        return f"bring the file back, or gptoss models rm {name} and import it again"
    return f"gptoss models verify --repair {name}"


def _checked(model: CachedModel | Imported, here: Shelf) -> tuple[Verified, ...]:
    from gptoss_cli.cli.wiring import environment
    from gptoss_cli.models.verify import verify
    from gptoss_cli.ui.progress import FileProgress

    claims = _claims(model, here)
    names = [claim.name.rpartition("/")[2] for claim in claims]
    with FileProgress(environment(), names, [claim.size_bytes for claim in claims]) as progress:
        return verify(claims, report=progress.report)


def _claims(model: CachedModel | Imported, here: Shelf) -> tuple[Claim, ...]:
    from gptoss_cli.models.library import Imported
    from gptoss_cli.models.verify import claims_of
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say

    claims = claims_of(model)
    if isinstance(model, Imported) or all(claim.sha256 for claim in claims):
        return claims
    # On a disk without links, files are not named after their digests.
    try:
        here.settings.require_address()
        from gptoss_cli.models.repair import hub_digests

        return claims_of(model, hub_digests(model, here.settings))
    except (DownloadError, UsageError) as error:
        say(f"note: {sanitize_line(str(error))}")
        return claims


def _print(found: Sequence[Verified]) -> None:
    from gptoss_cli.models.verify import State
    from gptoss_cli.ui.listing import Column

    words = {
        State.GOOD: "good",
        State.DAMAGED: "DAMAGED",
        State.MISSING: "MISSING",
        State.UNKNOWN: "not checked: nobody knows its digest",
    }
    print_list(
        [Column("FILE"), Column("STATE"), Column("SHA256", rank=1)],
        [(result.claim.name, words[result.state], result.sha256 or "") for result in found],
        [(result.claim.name, result.state.value, result.sha256 or "") for result in found],
        if_empty="",
    )


def _facts(result: Verified, *, repaired: bool) -> dict[str, Any]:
    # What was repaired has been checked while it came.
    claim = result.claim
    return {
        "name": claim.name,
        "path": str(claim.path),
        "state": "good" if repaired else result.state.value,
        "expected_sha256": claim.sha256,
        "sha256": claim.sha256 if repaired else result.sha256,
        "repaired": repaired,
    }


def _repair(name: str, model: CachedModel | Imported, bad: Sequence[Verified], here: Shelf) -> None:
    from gptoss_cli.models.library import Imported
    from gptoss_cli.models.verify import State

    if isinstance(model, Imported):
        raise UsageError(
            f"{name} was imported; gptoss does not know where it came from.",
            hint=_way_out(name, model),
        )
    here.settings.require_address()
    from gptoss_cli.cli.models.pull import fetch
    from gptoss_cli.models.repair import plan_repair

    damaged = {result.claim.name for result in bad if result.state is State.DAMAGED}
    fetch(plan_repair(model, damaged, here.settings, here.cache), here)
