"""The engine on a file, as tests and measurements want it: one window, which never grows."""

from __future__ import annotations

from pathlib import Path

from gptoss_cli.engine.context import LlamaOptions
from gptoss_cli.engine.llama import LlamaTokenGenerator
from gptoss_cli.engine.local import LocalEngine
from gptoss_cli.engine.reuse import Place
from gptoss_cli.harmony.vocabulary import Vocabulary
from gptoss_cli.models.weights import open_model


def options_for(
    path: Path, window: int, place: Place | None = None, *, threads: int = 1
) -> LlamaOptions:
    """Return options of one thread: more of them cut sums into other parts."""
    file = open_model(path).file
    return LlamaOptions(
        paths=file.parts,
        context_window=window,
        largest_window=window,
        vocabulary_size=file.vocabulary_size,
        threads=threads,
        kept_at=place,
        cell_bytes=file.shape.kv_bytes_per_token,
    )


def engine_on(path: Path, window: int, *, threads: int = 1) -> LocalEngine:
    """Return an engine whose weights are being loaded."""
    opened = open_model(path)
    generator = LlamaTokenGenerator(options_for(path, window, threads=threads))
    return LocalEngine(generator, Vocabulary(opened.tokens, opened.token_types))
