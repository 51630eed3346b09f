"""``gptoss pull``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from gptoss_cli.cli.models.completion import names_to_pull
from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import (
    Json,
    Yes,
    agrees,
    can_be_asked,
    emit_json,
    print_facts,
    say_fault,
)
from gptoss_cli.errors import ExitCode, NoModelError, UsageError

if TYPE_CHECKING:
    from gptoss_cli.cli.models.shelf import Shelf
    from gptoss_cli.engine.placement import Placement
    from gptoss_cli.models.choice import Undecided, WeightSet
    from gptoss_cli.models.gguf import GgufHeader
    from gptoss_cli.models.hub.repositories import Repository
    from gptoss_cli.models.names import HubModel
    from gptoss_cli.models.preflight import Preflight
    from gptoss_cli.models.pull import Plan


def pull(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="20b, 120b, safeguard-20b, safeguard-120b, org/repo[:QUANT][@revision], "
            "org/repo/file.gguf.",
            autocompletion=names_to_pull,
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and stop.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> Task:
    """Download a model, or go on with a download, and check it."""
    if json and not dry_run:
        raise UsageError("--json belongs to --dry-run here.", hint="gptoss models ls --json")
    return lambda: _pull(model, dry_run=dry_run, yes=yes, json=json)


def _pull(name: str, *, dry_run: bool, yes: bool, json: bool) -> int:
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.models.cache.contents import CachedModel
    from gptoss_cli.ui.say import say

    here = shelf()
    model = here.hub_model(name, "download")
    if model.note:
        say(f"note: {model.note}")
    if here.settings.offline and not dry_run:
        cached = here.cache.find(model)
        if isinstance(cached, CachedModel):
            _say_ready(here, model)
            return ExitCode.OK
    plan = planned(model, here)
    is_begun = any(wanted.done_bytes for wanted in plan.files)
    if dry_run or not is_begun:  # who goes on has read it
        preflight, placement = assessed_remote(plan, here)
        if json:
            emit_json(_facts(plan, preflight, placement))
            return ExitCode.OK
        if dry_run:
            print_card(sys.stdout, plan, preflight, placement)
            return ExitCode.OK
        if sys.stderr.isatty():
            print_card(sys.stderr, plan, preflight, placement)
        plan.require_room()
        if not _go_on(preflight, yes=yes):
            return ExitCode.OK
    fetch(plan, here)
    _say_ready(here, model)
    return ExitCode.OK


def planned(model: HubModel, here: Shelf) -> Plan:
    """Return what a pull of `model` would do. Raises what ``undecided`` returns."""
    here.settings.require_address()
    from gptoss_cli.models.choice import Undecided
    from gptoss_cli.models.pull import plan

    found = plan(model, here.settings, here.cache)
    if isinstance(found, Undecided):
        raise undecided(found)
    return found


def undecided(found: Undecided, verb: str = "pull") -> NoModelError | UsageError:
    """Print the candidates, as commands that do `verb`, and return the error to raise."""
    from gptoss_cli.models.choice import Unclear
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.status import size

    for candidate in found.candidates:
        line = f"  {size(candidate.weights.size_bytes):>9}  {candidate.command(verb)}"
        print(sanitize_line(line) if "\n" in line else line, file=sys.stderr)
    if found.why is Unclear.AMBIGUOUS:
        return UsageError(found.message, hint="one of the commands above")
    hint = "one of the commands above" if found.candidates else "gptoss models search"
    return NoModelError(found.message, hint=hint)


def assessed_remote(plan: Plan, here: Shelf) -> tuple[Preflight, Placement]:
    """Return whether the model of `plan` would fit, by headers read from the hub."""
    from gptoss_cli.cli.models.card import assessed
    from gptoss_cli.cli.wiring import DEFAULT_CONTEXT_TOKENS
    from gptoss_cli.models.weights import assemble

    model = assemble(headers_of(plan.model, plan.repository, plan.weights, here))
    return assessed(model, min(DEFAULT_CONTEXT_TOKENS, model.shape.context_length))


def headers_of(
    model: HubModel, found: Repository, weights: WeightSet, here: Shelf
) -> list[GgufHeader]:
    """Read the headers of a model on the hub, and show how far that is."""
    from gptoss_cli.cli.wiring import environment
    from gptoss_cli.models.hub.repositories import headers_for, token_of
    from gptoss_cli.models.remote_header import HeaderListener, read_remote_headers
    from gptoss_cli.ui.progress import FileProgress

    with FileProgress(environment(), ["reading its header"], [1]) as progress:
        return read_remote_headers(
            model,
            found,
            weights,
            here.settings,
            headers=headers_for(token_of(here.settings)),
            listener=HeaderListener(report=progress.report_only, notify=progress.note),
        )


def print_card(stream: TextIO, plan: Plan, preflight: Preflight, placement: Placement) -> None:
    """Print what will be downloaded and whether it fits."""
    from gptoss_cli.cli.models.card import disk_line, memory_line, placement_line
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say
    from gptoss_cli.ui.status import size

    weights = plan.weights
    head = [plan.model.short, weights.name, weights.quantization or "", size(weights.size_bytes)]
    head.append(plan.repository.license or "")
    say(sanitize_line("  ".join(word for word in head if word)), stream=stream)
    facts = [
        ("  disk", disk_line(plan)),
        ("  memory", memory_line(preflight)),
        ("  runs on", placement_line(preflight, placement)),
    ]
    print_facts(stream, facts)


def _go_on(preflight: Preflight, *, yes: bool) -> bool:
    """Ask a person whose memory is too small; who cannot be asked has asked for it already."""
    from gptoss_cli.models.preflight import Verdict

    if yes or preflight.verdict is not Verdict.DOES_NOT_FIT or not can_be_asked():
        return True
    return agrees("It does not fit this machine. Download it all the same?", default=False)


def fetch(plan: Plan, here: Shelf) -> None:
    """Do what `plan` says and show how far it is."""
    from gptoss_cli.cli.wiring import environment
    from gptoss_cli.models.pull import PullListener, pull
    from gptoss_cli.ui.progress import FileProgress
    from gptoss_cli.ui.say import say

    names = [wanted.file.path.rpartition("/")[2] for wanted in plan.files]
    sizes = [wanted.file.size_bytes for wanted in plan.files]
    try:
        with FileProgress(environment(), names, sizes) as progress:
            progress.begin([wanted.done_bytes for wanted in plan.files])
            listener = PullListener(report=progress.report, notify=progress.note)
            done = pull(plan, here.settings, here.cache, listener=listener)
    except KeyboardInterrupt:
        say("stopped; the same command goes on from here.")
        raise
    missing = {wanted.file.path for wanted in plan.files if wanted.missing_bytes}
    for wanted in done.files:
        digest = wanted.file.sha256 or wanted.file.etag
        if wanted.missing_bytes or wanted.file.path in missing:
            print(f"  verified {digest[:8]}…{digest[-4:]}", file=sys.stderr)


def _say_ready(here: Shelf, model: HubModel) -> None:
    from gptoss_cli.ui.say import say

    arranged, fault = here.library.look()
    installed = here.registry.installed(shelf=arranged)
    found = here.registry.resolve(str(model))
    entry = next((entry for entry in installed if entry.is_at(found)), None)
    if fault is not None:
        say(f"ready: gptoss chat -m {model.short}")
        say_fault(fault)
    elif entry is None or entry.is_default:
        say("ready: gptoss chat")
    else:
        say(f"ready: gptoss chat -m {entry.name}, or first gptoss models use {entry.name}")


def _facts(plan: Plan, preflight: Preflight, placement: Placement) -> dict[str, Any]:
    from gptoss_cli.cli.models.card import preflight_facts

    return {
        "name": plan.model.short,
        "repo_id": plan.repository.repo_id,
        "revision": plan.repository.revision,
        "commit": plan.repository.commit,
        "license": plan.repository.license,
        "quantization": plan.weights.quantization,
        "files": [
            {
                "path": wanted.file.path,
                "size_bytes": wanted.file.size_bytes,
                "done_bytes": wanted.done_bytes,
                "sha256": wanted.file.sha256,
            }
            for wanted in plan.files
        ],
        "missing_bytes": plan.missing_bytes,
        "disk_free_bytes": plan.free_bytes,
        "fits_disk": plan.fits_disk,
        "preflight": preflight_facts(preflight, placement),
    }
