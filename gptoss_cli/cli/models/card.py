"""What a person reads of a model before it is downloaded or loaded, and the same facts as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gptoss_cli.models.preflight import Verdict

if TYPE_CHECKING:
    from gptoss_cli.engine.placement import Placement
    from gptoss_cli.models.preflight import Preflight
    from gptoss_cli.models.pull import Plan
    from gptoss_cli.models.weights import ModelFile

_WORDS = {
    Verdict.FITS: "fits",
    Verdict.EXPERTS_IN_RAM: "fits with experts in RAM",
    Verdict.SLOW: "will be slow: memory-mapped from disk",
    Verdict.DOES_NOT_FIT: "does not fit",
}


def assessed(
    model: ModelFile,
    context_window: int,
    *,
    threads: int | None = None,
    repack: bool = False,
    windows: int = 1,
    sequences: int = 1,
) -> tuple[Preflight, Placement]:
    """Return whether `model` fits this machine, and where it would run.

    `windows` and `sequences`: see ``models.fit``.
    """
    from gptoss_cli.engine.placement import place
    from gptoss_cli.machine import memory
    from gptoss_cli.models import fit
    from gptoss_cli.models.preflight import Preflight

    machine = memory()
    placement = place(
        weights_bytes=model.total_bytes,
        expert_bytes=model.expert_bytes,
        working_bytes=fit.working_bytes(
            model.shape, context_window, windows=windows, sequences=sequences, on_gpu=True
        ),
        layers=model.shape.layers,
        threads=threads,
        repack=repack,
    )
    preflight = Preflight(
        model,
        context_window,
        machine,
        gpu_free_bytes=placement.gpu_free_bytes,
        shares_memory=placement.shares_memory,
        cpu_expert_layers=placement.cpu_expert_layers,
        repack=placement.repack,
        windows=windows,
        sequences=sequences,
    )
    return preflight, placement


def disk_line(plan: Plan) -> str:
    """Return whether what is missing of a model fits the disk."""
    from gptoss_cli.ui.status import size

    if not plan.missing_bytes:
        return "all of it is here"
    fits = "fits" if plan.fits_disk else "does not fit"
    return f"{size(plan.missing_bytes)} of {size(plan.free_bytes)} free: {fits}"


def memory_line(preflight: Preflight) -> str:
    """Return what a model takes of the memory with one context window."""
    from gptoss_cli.ui.status import size

    needs = (
        f"{size(preflight.total_bytes)} at {_window(preflight.context_window)} "
        f"(weights {size(preflight.weights_bytes)}, KV {size(preflight.kv_bytes)}, "
        f"buffers {size(preflight.buffer_bytes)})"
    )
    room = _gpu_room(preflight) or size(preflight.machine.total)
    return f"{needs} of {room}: {_WORDS[preflight.verdict]}"


def short_memory_line(preflight: Preflight) -> str:
    """Return the same without the parts."""
    from gptoss_cli.ui.status import size

    room = _gpu_room(preflight) or f"{size(preflight.machine.available)} free"
    return f"{size(preflight.total_bytes)} of {room}: {_WORDS[preflight.verdict]}"


def _gpu_room(preflight: Preflight) -> str:
    """Return the memory there is where a GPU has its own, or nothing."""
    from gptoss_cli.ui.status import size

    if not preflight.has_memory_of_its_own:
        return ""
    room = f"{size(preflight.gpu_free_bytes or 0)} free on the GPU"
    if preflight.cpu_expert_layers:
        room += f" and {size(preflight.machine.available)} beside it"
    return room


def placement_line(preflight: Preflight, placement: Placement) -> str:
    """Return where a model would run."""
    threads = f"{placement.threads} thread{'s' if placement.threads > 1 else ''}"
    if placement.cpu_expert_layers:
        layers = f"{placement.cpu_expert_layers} of {preflight.model.shape.layers} layers"
        return f"{placement.device}, experts of {layers} in RAM, {threads}"
    return f"{placement.device}, {threads}"


def preflight_facts(preflight: Preflight, placement: Placement) -> dict[str, Any]:
    """Return the facts for JSON; sizes in bytes."""
    return {
        "context_window": preflight.context_window,
        "weights_bytes": preflight.weights_bytes,
        "kv_bytes": preflight.kv_bytes,
        "buffer_bytes": preflight.buffer_bytes,
        "total_bytes": preflight.total_bytes,
        "memory_total_bytes": preflight.machine.total,
        "memory_available_bytes": preflight.machine.available,
        "device": placement.device,
        "gpu_free_bytes": placement.gpu_free_bytes,
        "gpu_layers": placement.gpu_layers,
        "cpu_expert_layers": placement.cpu_expert_layers,
        "threads": placement.threads,
        "verdict": preflight.verdict.value,
    }


def _window(tokens: int) -> str:
    return f"{tokens // 1024}k context" if tokens % 1024 == 0 else f"{tokens:,} tokens of context"
