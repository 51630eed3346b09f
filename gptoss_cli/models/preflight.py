"""Whether a model fits this machine, as a verdict for people; ``models.fit`` has the sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from gptoss_cli.errors import DoesNotFitError
from gptoss_cli.machine import Memory
from gptoss_cli.models import fit
from gptoss_cli.models.weights import ModelFile

USUAL_WINDOWS: Final = (8_192, 32_768, 131_072)
_LEAST_WINDOW: Final = 1_024
_SIZE_20B_BYTES: Final = 12_200_000_000


class Verdict(Enum):
    """How a model would run, best first; the values are what ``--json`` says."""

    FITS = "fits"
    EXPERTS_IN_RAM = "fits_experts_in_ram"
    SLOW = "slow"
    DOES_NOT_FIT = "does_not_fit"


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a model needs with one context window, in bytes, beside what there is.

    A GPU that has ``gpu_free_bytes`` (None: there is none) holds all but the experts of
    ``cpu_expert_layers``; ``machine`` is the memory of the host, which holds the rest, or all where
    it ``shares_memory`` with the GPU. ``repack``: the experts are converted into memory of the
    program's own while loading. ``windows`` and ``sequences``: how many at once, see ``fit``.
    """

    model: ModelFile
    context_window: int
    machine: Memory
    gpu_free_bytes: int | None = None
    shares_memory: bool = False
    cpu_expert_layers: int = 0
    repack: bool = False
    windows: int = 1
    sequences: int = 1

    @property
    def weights_bytes(self) -> int:
        """The weights, all of them."""
        return self.model.total_bytes

    @property
    def kv_bytes(self) -> int:
        """Keys and values of the whole window, or of all there are."""
        return fit.kv_bytes(
            self.model.shape,
            self.context_window,
            windows=self.windows,
            sequences=self.sequences,
            on_gpu=self.gpu_free_bytes is not None,
        )

    @property
    def buffer_bytes(self) -> int:
        """What computing takes beside them."""
        working_bytes = fit.working_bytes(
            self.model.shape,
            self.context_window,
            windows=self.windows,
            sequences=self.sequences,
            on_gpu=self.gpu_free_bytes is not None,
        )
        return working_bytes - self.kv_bytes

    @property
    def total_bytes(self) -> int:
        """All that is needed, wherever it is held."""
        return self.weights_bytes + self.kv_bytes + self.buffer_bytes

    @property
    def has_memory_of_its_own(self) -> bool:
        """Whether a GPU computes, in memory that is not the host's."""
        return self.gpu_free_bytes is not None and not self.shares_memory

    @property
    def private_bytes(self) -> int:
        """What of it the host cannot read from the disk again."""
        if self.has_memory_of_its_own:
            return 0
        return self.kv_bytes + self.buffer_bytes + (self.model.expert_bytes if self.repack else 0)

    @property
    def host_bytes(self) -> int:
        """What of it the host holds, mapped weights included."""
        if self.has_memory_of_its_own:
            return self.model.expert_bytes * self.cpu_expert_layers // self.model.shape.layers
        return self.total_bytes

    @property
    def verdict(self) -> Verdict:
        """What will happen.

        Weights are mapped: where memory lacks, the system drops them and reads them from the disk
        again. If the whole machine has less than the model takes, it does so for every token.
        """
        if self.private_bytes > self.machine.available or self.host_bytes > self.machine.total:
            return Verdict.DOES_NOT_FIT
        if self.host_bytes > self.machine.available:
            return Verdict.SLOW
        return Verdict.EXPERTS_IN_RAM if self.cpu_expert_layers else Verdict.FITS

    def require(self) -> None:
        """Raise DoesNotFitError, with what would fit, when loading would fail or never end."""
        if self.verdict is not Verdict.DOES_NOT_FIT:
            return
        if self.private_bytes > self.machine.available:
            needed, free = fit.in_words(self.private_bytes, self.machine.available)
            raise DoesNotFitError(
                f"{self.model.name} needs {needed} beside its weights for a "
                f"context of {self.context_window:,} tokens; {free} are free.",
                hint=self._smaller(),
            )
        large = self.weights_bytes > _SIZE_20B_BYTES
        needed, there = fit.in_words(self.host_bytes, self.machine.total)
        raise DoesNotFitError(
            f"{self.model.name} needs {needed} of memory; this machine has {there}.",
            hint=("-m 20b" if large else "a machine with 16 GB") + ", or --force and much patience",
        )

    def _smaller(self) -> str:
        if self.repack:
            return "the same without --repack"
        window = self.context_window
        while window > _LEAST_WINDOW:
            window = max(_LEAST_WINDOW, window // 2 // fit.PAD * fit.PAD)
            if replace(self, context_window=window).verdict is not Verdict.DOES_NOT_FIT:
                return f"a smaller context: --context {window}"
        return "close other programs, or --force"
