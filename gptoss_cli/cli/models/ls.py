"""``gptoss models ls``."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Json, emit_json, print_list, say_fault
from gptoss_cli.errors import ExitCode

if TYPE_CHECKING:
    from gptoss_cli.models.cache.contents import CachedModel, CacheListing, PartialDownload
    from gptoss_cli.models.registry import Installed
    from gptoss_cli.models.unfinished import Unfinished


def ls(json: Json = False) -> Task:
    """Show the models that are here, and downloads that were not finished."""
    return lambda: _ls(json=json)


def _ls(*, json: bool) -> int:
    from gptoss_cli.cli.models.shelf import shelf

    here = shelf()
    listing = here.cache.scan()
    arranged, fault = here.library.look()
    installed = here.registry.installed(listing, arranged)
    if json:
        emit_json(
            {
                "models": [_facts(entry) for entry in installed],
                "unfinished": [_unfinished(model) for model in listing.unfinished],
                "partials": [_partial(partial) for partial in listing.partials],
            }
        )
    else:
        _print(installed, listing)
    say_fault(fault)
    return ExitCode.OK


def _print(installed: list[Installed], listing: CacheListing) -> None:
    from gptoss_cli.models.unfinished import unfinished
    from gptoss_cli.ui.listing import Column
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say
    from gptoss_cli.ui.status import size

    columns = [
        Column("NAME"),
        Column("SIZE", right=True),
        Column("QUANT", rank=1),
        Column("FROM", rank=2),
        Column("SINCE", rank=3),
    ]
    print_list(
        columns,
        [
            (
                f"{entry.name} *" if entry.is_default else entry.name,
                "missing" if facts["missing"] else size(entry.model.size_bytes),
                facts["quantization"] or "",
                facts["kind"],
                facts["modified"][:10],
            )
            for entry in installed
            for facts in [_facts(entry)]
        ],
        [
            (
                entry.name,
                str(entry.model.size_bytes),
                facts["quantization"] or "",
                "missing" if facts["missing"] else facts["kind"],
                facts["modified"],
                facts["path"],
            )
            for entry in installed
            for facts in [_facts(entry)]
        ],
        if_empty="no model is installed. gptoss pull 20b downloads one (12.1 GB).",
    )
    for entry in unfinished(listing, installed):
        say(_unfinished_line(entry))
        on = f"{entry.goes_on} goes on; " if entry.goes_on else ""
        say("  " + sanitize_line(f"{on}{entry.goes} removes it"))
    for sentence in listing.skipped:
        say(f"note: {sanitize_line(sentence)}")


def _unfinished_line(entry: Unfinished) -> str:
    """Return how far a download is, or what is missing of a model, of all its files."""
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.status import size

    whole = f" of {size(entry.expected_bytes)}" if entry.expected_bytes else ""
    parts = [f"{size(entry.done_bytes)}{whole}"]
    if count := entry.missing_files:
        parts.append(f"{count} file{'s' if count > 1 else ''} missing")
    if not all(partial.is_own for partial in entry.partials):
        parts.append("of another program")
    elif not all(partial.resumable for partial in entry.partials):
        parts.append("of no use: its journal is damaged")
    elif any(partial.repairs for partial in entry.partials):
        parts.append("to replace a damaged file")
    return sanitize_line(f"unfinished: {entry.name}, {', '.join(parts)}")


def _facts(entry: Installed) -> dict[str, Any]:
    from gptoss_cli.models.library import Imported

    model = entry.model
    common = {
        "name": entry.name,
        "default": entry.is_default,
        "path": str(entry.path),
        "size_bytes": model.size_bytes,
        "missing": isinstance(model, Imported) and model.is_missing,
    }
    if isinstance(model, Imported):
        return common | {
            "kind": "imported",
            "quantization": None,
            "modified": _when(_modified_s(entry)),
            "repo_id": None,
            "commit": None,
            "revisions": [],
        }
    return common | {
        "kind": "hub",
        "quantization": model.quantization,
        "modified": _when(model.modified_s),
        "repo_id": model.repo_id,
        "commit": model.commit,
        "revisions": list(model.revisions),
    }


def _modified_s(entry: Installed) -> float:
    try:
        return entry.path.stat().st_mtime
    except OSError:
        return 0.0


def _unfinished(model: CachedModel) -> dict[str, Any]:
    return {
        "repo_id": model.repo_id,
        "commit": model.commit,
        "name": model.name,
        "size_bytes": model.size_bytes,
        "missing_parts": model.missing_parts,
    }


def _partial(partial: PartialDownload) -> dict[str, Any]:
    return {
        "name": partial.model.short if partial.model else None,
        "repo_id": partial.repo_id,
        "file": partial.file,
        "etag": partial.etag,
        "path": str(partial.path),
        "done_bytes": partial.done_bytes,
        "expected_bytes": partial.expected_bytes,
        "size_bytes": partial.size_bytes,
        "resumable": partial.resumable,
    }


def _when(seconds: float) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
