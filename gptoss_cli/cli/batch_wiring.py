"""From what a person asked for to an engine that answers several questions together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gptoss_cli.chat.settings import ChatSettings
    from gptoss_cli.cli.options import Settings
    from gptoss_cli.engine.batch_local import LocalBatchEngine
    from gptoss_cli.engine.placement import Placement
    from gptoss_cli.models.preflight import Preflight
    from gptoss_cli.models.weights import ModelFile

USUAL_PARALLEL: Final = 4
"""On a CPU more together write no faster: each takes other experts (benchmarks/RESULTS.md)."""


@dataclass(frozen=True, slots=True)
class RunningBatch:
    """A model that is being loaded, until ``close``; ``notes`` are for people."""

    engine: LocalBatchEngine
    settings: ChatSettings
    notes: tuple[str, ...] = ()

    def close(self) -> None:
        """Give back memory and threads."""
        from gptoss_cli.engine.bindings import silence_for_exit

        self.engine.close()
        silence_for_exit()


def start_batch(settings: Settings, parallel: int | None) -> RunningBatch:
    """Check the model and the memory, and begin to load.

    `parallel` None: choose. Where the memory is short, fewer are answered together.
    Raises NoModelError, ModelFileError, DoesNotFitError, UsageError or EngineError.
    """
    from gptoss_cli.cli.wiring import chat_settings_of, notes_of, open_named, place_of
    from gptoss_cli.engine.batch import BatchGenerator
    from gptoss_cli.engine.batch_local import LocalBatchEngine

    opened = open_named(settings)
    model, window = opened.model, opened.window
    vocabulary = opened.read_vocabulary()
    fitting, preflight, placement = _fitting(settings, model, window, parallel or USUAL_PARALLEL)
    if not settings.force:
        preflight.require()
    place = place_of(settings, model, private=False) if settings.save else None
    generator = BatchGenerator(opened.options(placement, place=place), parallel=fitting)
    notes = notes_of(preflight, placement)
    if parallel is not None and fitting < parallel:
        notes += (f"note: memory is short: {fitting} instead of {parallel} are answered together.",)
    engine = LocalBatchEngine(generator, vocabulary)
    return RunningBatch(engine, chat_settings_of(settings, opened.name), notes)


def _fitting(
    settings: Settings, model: ModelFile, window: int, parallel: int
) -> tuple[int, Preflight, Placement]:
    """Return how many to answer together, and what they take: at most `parallel`, and not so many
    that the model runs worse than it does with one.
    """
    from gptoss_cli.cli.models.card import assessed
    from gptoss_cli.engine.sequences import sequences_for
    from gptoss_cli.models.preflight import Verdict

    def assess(count: int) -> tuple[Preflight, Placement]:
        return assessed(
            model,
            window,
            threads=settings.threads,
            repack=settings.repack,
            windows=count,
            sequences=sequences_for(count),
        )

    best_first = list(Verdict)
    alone = best_first.index(assess(1)[0].verdict)
    while True:
        preflight, placement = assess(parallel)
        is_as_good = best_first.index(preflight.verdict) <= alone
        if parallel == 1 or settings.force or is_as_good:
            return parallel, preflight, placement
        parallel //= 2
