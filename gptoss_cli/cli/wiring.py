"""The composition root: from what a person asked for to an engine, a conversation, a renderer.

Loading begins on the engine's own thread as soon as the file is checked; what follows here, and
the tokenising of the prompt, happens meanwhile.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from gptoss_cli.errors import ModelFileError, UsageError
from gptoss_cli.ui.terminal import Environment

if TYPE_CHECKING:
    from gptoss_cli.chat.settings import ChatSettings
    from gptoss_cli.chat.turn import Chat
    from gptoss_cli.cli.options import Settings
    from gptoss_cli.engine.base import TokenGenerator
    from gptoss_cli.engine.context import LlamaOptions
    from gptoss_cli.engine.placement import Placement
    from gptoss_cli.engine.reuse import Place
    from gptoss_cli.harmony.vocabulary import Vocabulary
    from gptoss_cli.models.preflight import Preflight
    from gptoss_cli.models.weights import CheckedWeights, ModelFile

DEFAULT_CONTEXT_TOKENS: Final = 8192
LEAST_CONTEXT_TOKENS: Final = 512
_NO_AVX2: Final = (
    "note: this processor has no AVX2 (or llama-cpp-python was built without it): answers are slow."
)

_FROM_DISK: Final = (
    "note: memory is short: parts of the weights will be read from the disk again and again."
)


@dataclass(frozen=True, slots=True)
class Running:
    """A model that is being loaded and a conversation with it, until ``close``.

    ``description`` says where it runs, ``notes`` what a person should know before it does. What
    went wrong with the cache stands in ``cache_notes`` after ``close``.
    """

    chat: Chat
    model: ModelFile
    placement: Placement
    generator: TokenGenerator
    description: str
    notes: tuple[str, ...] = ()
    cache_notes: Sequence[str] = ()

    def close(self) -> None:
        """Put the conversation away, and give back memory and threads."""
        from gptoss_cli.engine.bindings import silence_for_exit

        self.chat.close()
        silence_for_exit()


@dataclass(frozen=True, slots=True)
class Opened:
    """A model that is checked and not loaded, the context window in tokens that it is to have, and
    the name a conversation with it is kept under.
    """

    weights: CheckedWeights
    window: int
    name: str

    @property
    def model(self) -> ModelFile:
        """What the file says of the model."""
        return self.weights.file

    def read_vocabulary(self) -> Vocabulary:
        """Read and check the vocabulary: best while the weights are being loaded.

        Raises ModelFileError.
        """
        from gptoss_cli.harmony.vocabulary import Vocabulary

        opened = self.weights.with_vocabulary()
        try:
            return Vocabulary(opened.tokens, opened.token_types)
        except ValueError as error:
            raise ModelFileError(
                f"{self.model.path} is damaged: {error}.", hint="download the model again"
            ) from error

    def options(
        self, placement: Placement, *, largest: int | None = None, place: Place | None
    ) -> LlamaOptions:
        """Return how it is loaded; `largest`: what its window may grow to, by default nothing."""
        from gptoss_cli.engine.context import LlamaOptions

        return LlamaOptions(
            paths=self.model.parts,
            context_window=self.window,
            largest_window=largest or self.window,
            vocabulary_size=self.model.vocabulary_size,
            threads=placement.threads,
            repack=placement.repack,
            gpu_layers=placement.gpu_layers,
            cpu_expert_layers=placement.cpu_expert_layers,
            kept_at=place,
            cell_bytes=self.model.shape.kv_bytes_per_token,
        )


def environment(*, live: bool = True) -> Environment:
    """Return what the terminal can do, asked once; ``live=False``: nothing may move on it."""
    return Environment.detect(os.environ, sys.stdin, sys.stdout, sys.stderr, live=live)


def start(
    settings: Settings,
    *,
    lasting: bool,
    private: bool = False,
    loads: bool = True,
    before_loading: Callable[[], None] = lambda: None,
) -> Running:
    """Check the model and the memory, begin to load, and return the empty conversation.

    `before_loading` is called when all is checked: another model may have to go first.

    `lasting` tells a chat from a one-shot: a chat may pay for loading what makes it faster later,
    and has one context window for all that will be said. `private`: no word of the person's is
    written to a disk. ``loads=False``: only the vocabulary is read, the model counts tokens and
    cannot answer.

    Raises NoModelError, ModelFileError, DoesNotFitError, UsageError or EngineError.
    """
    from gptoss_cli.cli.models.card import assessed
    from gptoss_cli.engine.llama import LlamaTokenGenerator
    from gptoss_cli.models import fit

    opened = open_named(settings)
    model, window = opened.model, opened.window
    preflight, placement = assessed(model, window, threads=settings.threads, repack=settings.repack)
    on_gpu = placement.gpu_layers > 0
    if loads and not settings.force:
        preflight.require()
    may_grow = not lasting and settings.context is None and not on_gpu
    largest = window
    if may_grow:
        largest = fit.largest_window(model, preflight.machine, repack=placement.repack)
    # What one-shots need at once is read while the weights come; for a chat, another model may go.
    vocabulary = opened.read_vocabulary() if lasting else None
    before_loading()
    place = place_of(settings, model, private=private) if loads else None
    generator: TokenGenerator
    if loads:
        generator = LlamaTokenGenerator(opened.options(placement, largest=largest, place=place))
    else:
        from gptoss_cli.engine.unloaded import UnloadedGenerator

        generator = UnloadedGenerator(window, largest)
    # From here on the weights come: what only a conversation needs is imported now.
    from gptoss_cli.chat.turn import Chat
    from gptoss_cli.engine.local import LocalEngine

    try:
        vocabulary = vocabulary or opened.read_vocabulary()
    except ModelFileError:
        generator.close()
        raise
    engine = LocalEngine(generator, vocabulary, is_private=private)
    chat = Chat(
        engine,
        chat_settings_of(settings, opened.name),
        most_context=model.shape.context_length,
    )
    threads = f"{placement.threads} thread{'s' if placement.threads > 1 else ''}"
    notes = notes_of(preflight, placement) if loads else ()
    cache_notes = place.store.notes if place is not None and settings.stats else ()
    described = f"{placement.device}, {threads}"
    return Running(chat, model, placement, generator, described, notes, cache_notes)


def open_named(settings: Settings) -> Opened:
    """Check the model that `settings` name, but for its vocabulary; no weights are loaded.

    Raises NoModelError, ModelFileError or UsageError.
    """
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.models.weights import open_weights

    registry = shelf().registry
    weights = open_weights(registry.resolve(settings.model))
    window = window_of(settings.context, weights.file.shape.context_length)
    return Opened(weights, window, registry.lasting_name(settings.model))


def place_of(settings: Settings, model: ModelFile, *, private: bool) -> Place | None:
    """Return where KV states are kept; None where that is not wanted."""
    from gptoss_cli.config.paths import user_paths
    from gptoss_cli.engine.kv_store import KVStore
    from gptoss_cli.engine.reuse import Place

    if not settings.cache:
        return None
    limit_bytes = int(settings.cache_gib * (1 << 30))
    return Place(KVStore(user_paths().kv_states, limit_bytes, marks_use=not private), model.name)


def notes_of(preflight: Preflight, placement: Placement) -> tuple[str, ...]:
    """Return what a person should know before a model runs so."""
    from gptoss_cli.engine.bindings import lacks_avx2
    from gptoss_cli.models.preflight import Verdict

    notes: tuple[str, ...] = (_NO_AVX2,) if not placement.gpu_layers and lacks_avx2() else ()
    if preflight.verdict in {Verdict.SLOW, Verdict.DOES_NOT_FIT}:
        notes += (_FROM_DISK,)
    return notes


def chat_settings_of(settings: Settings, model: str) -> ChatSettings:
    """Return what a conversation is held with; `model` is the name it is kept under."""
    from gptoss_cli.chat.settings import ChatSettings
    from gptoss_cli.engine.base import Sampling

    chatting = ChatSettings(
        model=model,
        instructions=settings.system,
        date=settings.date or date.today().isoformat(),
        sampling=Sampling(
            temperature=settings.temperature,
            top_p=settings.top_p,
            top_k=settings.top_k,
            min_p=settings.min_p,
            seed=settings.seed,
        ),
        max_tokens=settings.max_tokens,
    )
    return chatting.with_effort(settings.effort)


def window_of(asked: int | None, trained: int) -> int:
    """Return the context window in tokens, of a model `trained` for so many. UsageError."""
    window = asked or min(DEFAULT_CONTEXT_TOKENS, trained)
    if window > trained:
        raise UsageError(
            f"the model was trained for a context of {trained:,} tokens, not {window:,}.",
            hint=f"--context {trained} or less",
        )
    if window < LEAST_CONTEXT_TOKENS:
        raise UsageError(
            f"a context of {window:,} tokens is too small for the system message and an answer.",
            hint=f"--context {LEAST_CONTEXT_TOKENS} or more",
        )
    from gptoss_cli.engine.base import WINDOW_STEP

    return min(-(-window // WINDOW_STEP) * WINDOW_STEP, trained)
