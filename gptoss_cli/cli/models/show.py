"""``gptoss models show``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gptoss_cli.cli.models.completion import names_to_show
from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Json, emit_json, print_facts
from gptoss_cli.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from gptoss_cli.cli.models.shelf import Shelf
    from gptoss_cli.engine.placement import Placement
    from gptoss_cli.models.gguf import GgufHeader
    from gptoss_cli.models.inspect import Description
    from gptoss_cli.models.names import HubModel
    from gptoss_cli.models.preflight import Preflight


@dataclass(frozen=True, slots=True)
class _Subject:
    """The headers of a model and where it is from."""

    headers: list[GgufHeader]
    origin: str
    revision: str | None = None
    license: str | None = None


def show(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]",
            help="Any name; without one, the default model.",
            autocompletion=names_to_show,
        ),
    ] = None,
    json: Json = False,
) -> Task:
    """Show what a model is and whether it fits, from its header; also one not downloaded."""
    return lambda: _show(model, json=json)


def _show(name: str | None, *, json: bool) -> int:
    from gptoss_cli.cli.models.card import assessed
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.models.inspect import describe
    from gptoss_cli.models.preflight import USUAL_WINDOWS

    subject = _subject(name, shelf())
    told = describe(subject.headers)
    trained = told.model.shape.context_length
    windows = [window for window in USUAL_WINDOWS if window <= trained] or [trained]
    fits = [assessed(told.model, window) for window in windows]
    if json:
        emit_json(_facts(subject, told, fits))
        return ExitCode.OK
    print_facts(sys.stdout, list(_lines(subject, told, fits)))
    return ExitCode.OK


def _subject(name: str | None, here: Shelf) -> _Subject:
    from gptoss_cli.cli.models.pull import undecided
    from gptoss_cli.models.cache.contents import CachedModel
    from gptoss_cli.models.choice import Unclear
    from gptoss_cli.models.names import HubModel

    model = here.registry.parse(here.registry.default_name() if name is None else name)
    if isinstance(model, HubModel):
        cached = here.cache.find(model)
        if not isinstance(cached, CachedModel):
            if cached.why is Unclear.AMBIGUOUS:
                raise undecided(cached, verb="models show")
            return _remote(model, here)
        return _Subject(
            _local_headers(cached.path),
            f"{here.settings.shown_endpoint}/{cached.repo_id}",
            cached.commit,
        )
    path = here.registry.resolve(name)
    return _Subject(_local_headers(path), str(path))


def _local_headers(path: Path) -> list[GgufHeader]:
    from gptoss_cli.models.weights import read_headers

    return read_headers(path)


def _remote(model: HubModel, here: Shelf) -> _Subject:
    here.settings.require_address()
    from gptoss_cli.cli.models.pull import headers_of, undecided
    from gptoss_cli.models.choice import Undecided, choose
    from gptoss_cli.models.hub.repositories import repository

    found = repository(model, here.settings)
    weights = choose(model, found.files)
    if isinstance(weights, Undecided):
        raise undecided(weights, verb="models show")
    return _Subject(
        headers_of(model, found, weights, here),
        f"{here.settings.shown_endpoint}/{found.repo_id} (not downloaded)",
        found.commit,
        found.license,
    )


def _lines(
    subject: _Subject, told: Description, fits: list[tuple[Preflight, Placement]]
) -> Iterator[tuple[str, str]]:
    """Yield label and text of each fact."""
    from gptoss_cli.cli.models.card import placement_line, short_memory_line
    from gptoss_cli.ui.status import size

    model, shape = told.model, told.model.shape
    yield "name", model.name
    yield "architecture", told.architecture
    yield (
        "parameters",
        f"{_count(told.parameters)}, {_count(told.active_parameters)} active per token",
    )
    yield "layers", f"{shape.layers}"
    yield "experts", f"{shape.experts}, {shape.experts_used} active per token"
    yield "quantization", ", ".join(f"{kind} {types}" for kind, types in told.quantization)
    yield "context", f"{shape.context_length:,} tokens"
    yield "sliding window", f"{shape.window:,} tokens in every other layer"
    yield "tokenizer", told.tokenizer
    yield "licence", subject.license or told.license or "not said"
    if told.template_sha256:
        yield "chat template", f"sha256 {told.template_sha256[:16]}…"
    yield "size", size(model.total_bytes)
    for part in told.parts:
        yield "file", f"{part.name}  {part.size_bytes:,} bytes"
    yield "from", subject.origin
    if subject.revision:
        yield "revision", subject.revision
    for preflight, _ in fits:
        yield f"at {preflight.context_window // 1024}k", short_memory_line(preflight)
    yield "runs on", placement_line(*fits[0])


def _facts(
    subject: _Subject, told: Description, fits: list[tuple[Preflight, Placement]]
) -> dict[str, Any]:
    from gptoss_cli.cli.models.card import preflight_facts

    model, shape = told.model, told.model.shape
    return {
        "name": model.name,
        "architecture": told.architecture,
        "parameters": told.parameters,
        "active_parameters": told.active_parameters,
        "layers": shape.layers,
        "experts": shape.experts,
        "experts_used": shape.experts_used,
        "quantization": dict(told.quantization),
        "context_length": shape.context_length,
        "sliding_window": shape.window,
        "tokenizer": told.tokenizer,
        "license": subject.license or told.license,
        "template_sha256": told.template_sha256,
        "size_bytes": model.total_bytes,
        "files": [{"name": part.name, "size_bytes": part.size_bytes} for part in told.parts],
        "origin": subject.origin,
        "revision": subject.revision,
        "preflight": [preflight_facts(*fit) for fit in fits],
    }


def _count(number: int) -> str:
    """Return a number of parameters as it is said: 20.9 B, 324 M."""
    for unit, scale in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.1f} {unit}"
    return str(number)
