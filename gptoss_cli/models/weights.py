"""A gpt-oss model on disk: its parts, its shape, and whether they agree.

llama.cpp asserts much of what is checked here, that is, it would end the process. The keys and
tensors are those of its openai-moe architecture (src/models/openai-moe.cpp).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gptoss_cli.errors import ModelFileError
from gptoss_cli.models.gguf import GgufHeader, TensorInfo, Texts, read_header, shown

ARCHITECTURE: Final = "gpt-oss"
_PART_NAME: Final = re.compile(r"^(?P<stem>.+)-(?P<no>\d{5})-of-(?P<count>\d{5})\.gguf$")
_MARKERS: Final = frozenset(
    (
        "<|start|>",
        "<|end|>",
        "<|message|>",
        "<|channel|>",
        "<|constrain|>",
        "<|return|>",
        "<|call|>",
    )
)
_MOST_TOKENS: Final = 1 << 18  # o200k has 201,088 with its control tokens
_ROPE_SCALINGS: Final = ("none", "linear", "yarn", "longrope")
# Keys of other architectures that llama.cpp reads for every one, and asserts about.
_FOREIGN_KEYS: Final = (
    "nextn_predict_layers",
    "expert_group_count",
    "expert_group_used_count",
    "attention.key_length_swa",
    "attention.value_length_swa",
    "rope.dimension_count_swa",
    "embedding_length_out",
    "pooling_type",
)


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The numbers that decide memory and speed.

    Widths are in elements, ``window`` and ``context_length`` in tokens.
    """

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_dim: int
    ff_width: int
    experts: int
    experts_used: int
    window: int
    context_length: int

    @property
    def kv_bytes_per_token(self) -> int:
        """Bytes of keys and values that one token adds to one kind of layer (half of them), f16."""
        return self.layers // 2 * self.kv_heads * self.head_dim * 2 * 2


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a model is, from headers that agree; ``vocabulary_size`` in tokens."""

    parts: tuple[Path, ...]
    name: str
    shape: ModelShape
    quantization: str
    total_bytes: int
    expert_bytes: int
    vocabulary_size: int

    @property
    def path(self) -> Path:
        """The first part: the file llama.cpp is given."""
        return self.parts[0]


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model that is checked: ``tokens`` and ``token_types`` are as the file has them."""

    file: ModelFile
    tokens: tuple[str, ...]
    token_types: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CheckedWeights:
    """A model that llama.cpp may be given: all is checked but the vocabulary, which it does not
    read. To read that takes longer than all the rest.
    """

    file: ModelFile
    first: GgufHeader

    def with_vocabulary(self) -> OpenModel:
        """Read and check the vocabulary. Raises ModelFileError."""
        return OpenModel(self.file, *_vocabulary(self.first))


def open_model(path: Path) -> OpenModel:
    """Check the model at `path` (of a split model: its first file) and all its parts.

    Raises ModelFileError with what is wrong; reads headers only.
    """
    return open_weights(path).with_vocabulary()


def open_weights(path: Path) -> CheckedWeights:
    """Check the same, but for the vocabulary. Raises ModelFileError."""
    headers = read_headers(path)
    return CheckedWeights(assemble(headers), headers[0])


def read_headers(path: Path) -> list[GgufHeader]:
    """Return the headers of all parts of the model whose first file is `path`.

    Raises ModelFileError for what is no GGUF of a gpt-oss, and for missing parts.
    """
    first = read_header(path)
    _require_architecture(first)
    return [first, *(read_header(part) for part in _other_paths(first))]


def assemble(headers: Sequence[GgufHeader]) -> ModelFile:
    """Return the model whose parts, all of them and in order, have these `headers`.

    Raises ModelFileError when they do not make one model, or not a gpt-oss.
    """
    first = headers[0]
    _require_architecture(first)
    _require_one_model(headers)
    tensors = [tensor for header in headers for tensor in header.tensors]
    shape = _shape(first)
    vocabulary_size = _vocabulary_size(first)
    _check_tensors(first.path, shape, {t.name: t for t in tensors}, vocabulary_size)
    experts = [t for t in tensors if "_exps." in t.name]
    expert_kinds = {t.type_name for t in experts if t.name.endswith("weight")}
    return ModelFile(
        parts=tuple(header.path for header in headers),
        name=_display_name(first),
        shape=shape,
        quantization=" ".join(sorted(expert_kinds)),
        total_bytes=sum(header.file_bytes for header in headers),
        expert_bytes=sum(t.n_bytes for t in experts),
        vocabulary_size=vocabulary_size,
    )


def _display_name(header: GgufHeader) -> str:
    match = _PART_NAME.match(header.path.name)
    return match["stem"] if match else header.path.stem


def _require_architecture(header: GgufHeader) -> None:
    match = _PART_NAME.match(header.path.name)
    if match and int(match["no"]) > 1:
        first = f"{match['stem']}-00001-of-{match['count']}.gguf"
        raise ModelFileError(
            f"{header.path} is part {int(match['no'])} of a split model.",
            hint=f"name the first part: {header.path.with_name(first)}",
        )
    architecture = header.metadata.get("general.architecture")
    if architecture != ARCHITECTURE:
        raise ModelFileError(
            f"{header.path} is of architecture {shown(architecture)}: gptoss runs gpt-oss models.",
            hint="gpt-oss in GGUF: ggml-org/gpt-oss-20b-GGUF and ggml-org/gpt-oss-120b-GGUF",
        )


def _other_paths(first: GgufHeader) -> list[Path]:
    """Return where the other parts of a split model are. Raises ModelFileError for missing ones."""
    count = first.metadata.get("split.count", 0)
    match = _PART_NAME.match(first.path.name)
    if not isinstance(count, int) or count < 2:
        return []
    if first.metadata.get("split.no", 0) != 0:
        raise _damaged(first.path, "it is not the first part of its model")
    if match is None or int(match["count"]) != count:
        raise ModelFileError(
            f"{first.path} is one of {count} parts, but is not named like one.",
            hint=f"its name must end in -00001-of-{count:05}.gguf",
        )
    paths = [
        first.path.with_name(f"{match['stem']}-{no:05}-of-{count:05}.gguf")
        for no in range(2, count + 1)
    ]
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        raise ModelFileError(
            f"{len(missing)} of {count} parts of {first.path} are missing: {', '.join(missing)}.",
            hint="all parts must be in one folder; download the missing ones",
        )
    return paths


def _require_one_model(headers: Sequence[GgufHeader]) -> None:
    first = headers[0]
    for number, part in enumerate(headers[1:], 1):
        count = part.metadata.get("split.count")
        if count != len(headers) or part.metadata.get("split.no") != number:
            raise ModelFileError(
                f"{part.path} does not belong to {first.path}.", hint="download the model again"
            )
    promised = first.metadata.get("split.count", 1)
    if isinstance(promised, int) and max(promised, 1) != len(headers):
        raise _damaged(first.path, f"it is one of {shown(promised)} parts, not of {len(headers)}")
    n_tensors = sum(len(header.tensors) for header in headers)
    if first.metadata.get("split.tensors.count", n_tensors) != n_tensors:
        raise _damaged(first.path, "its parts do not hold the tensors it promises")


def _damaged(path: Path, what: str) -> ModelFileError:
    return ModelFileError(f"{path} is damaged: {what}.", hint="download the model again")


def _integer(header: GgufHeader, key: str, low: int, high: int, default: int | None = None) -> int:
    value = header.metadata.get(f"{ARCHITECTURE}.{key}", default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _damaged(header.path, f"{ARCHITECTURE}.{key} is {shown(value)}")
    return value


def _positive(header: GgufHeader, key: str, default: float | None = None) -> float:
    value = header.metadata.get(f"{ARCHITECTURE}.{key}", default)
    if not isinstance(value, float) or not 0 < value < 1e9:
        raise _damaged(header.path, f"{ARCHITECTURE}.{key} is {shown(value)}")
    return value


def _shape(header: GgufHeader) -> ModelShape:
    most = 1 << 20
    heads = _integer(header, "attention.head_count", 1, 1024)
    width = _integer(header, "embedding_length", 32, most)
    experts = _integer(header, "expert_count", 1, 1024)
    shape = ModelShape(
        layers=_integer(header, "block_count", 1, 512),
        width=width,
        heads=heads,
        kv_heads=_integer(header, "attention.head_count_kv", 1, heads, heads),
        head_dim=_integer(header, "attention.key_length", 2, 1024, width // heads),
        ff_width=_integer(header, "expert_feed_forward_length", 32, most),
        experts=experts,
        experts_used=_integer(header, "expert_used_count", 1, experts),
        window=_integer(header, "attention.sliding_window", 1, most),
        context_length=_integer(header, "context_length", 512, 1 << 24),
    )
    _integer(header, "attention.value_length", shape.head_dim, shape.head_dim, width // heads)
    _integer(header, "rope.dimension_count", 2, shape.head_dim, shape.head_dim)
    _integer(header, "attention.sliding_window_pattern", 1, 64, 2)
    _integer(header, "rope.scaling.original_context_length", 1, most, 4096)
    _positive(header, "attention.layer_norm_rms_epsilon")
    _positive(header, "rope.freq_base", 10_000.0)
    _positive(header, "rope.scaling.factor", 1.0)
    scaling = header.metadata.get(f"{ARCHITECTURE}.rope.scaling.type", "none")
    if scaling not in _ROPE_SCALINGS:
        raise _damaged(header.path, f"{ARCHITECTURE}.rope.scaling.type is {shown(scaling)}")
    foreign = [key for key in _FOREIGN_KEYS if f"{ARCHITECTURE}.{key}" in header.metadata]
    if foreign:
        raise _damaged(header.path, f"gpt-oss has no {' or '.join(foreign)}")
    if shape.heads % shape.kv_heads or shape.head_dim % 2 or shape.layers % 2:
        raise _damaged(header.path, "its heads or layers do not divide evenly")
    return shape


def _vocabulary_size(header: GgufHeader) -> int:
    def count(key: str, kind: type[Texts | list[Any]]) -> int:
        values = header.metadata.get(f"tokenizer.ggml.{key}")
        if not isinstance(values, kind) or not len(values):
            raise _damaged(header.path, f"tokenizer.ggml.{key} is missing or of another kind")
        return len(values)

    count("merges", Texts)
    size = count("tokens", Texts)
    if size > _MOST_TOKENS:
        raise _damaged(header.path, f"it has {size:,} tokens")
    if count("token_type", list) != size:
        raise _damaged(header.path, "its vocabulary has holes")
    model, split = (header.metadata.get(f"tokenizer.ggml.{k}") for k in ("model", "pre"))
    if model != "gpt2" or split != "gpt-4o":
        raise _damaged(
            header.path, f"its tokenizer is {shown(model)} with {shown(split)}, not o200k"
        )
    for key in ("bos", "eos", "padding"):
        token = header.metadata.get(f"tokenizer.ggml.{key}_token_id", 0)
        if not isinstance(token, int) or not 0 <= token < size:
            raise _damaged(header.path, f"tokenizer.ggml.{key}_token_id is {shown(token)}")
    return size


def _vocabulary(header: GgufHeader) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the tokens and their types."""
    tokens = tuple(header.metadata["tokenizer.ggml.tokens"])
    types = tuple(header.metadata["tokenizer.ggml.token_type"])
    unique = set(tokens)
    if len(unique) != len(tokens) or not isinstance(types[0], int):
        raise _damaged(header.path, "its vocabulary has doubles, or types of another kind")
    if absent := sorted(_MARKERS - unique):
        raise _damaged(header.path, f"its vocabulary has no {' '.join(absent)}")
    return tokens, types


def _expected(shape: ModelShape, vocabulary: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name and shape (ggml order) of every tensor a gpt-oss must have."""
    d, f, e = shape.width, shape.ff_width, shape.experts
    q, k = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    yield "token_embd.weight", (d, vocabulary)
    yield "output_norm.weight", (d,)
    yield "output.weight", (d, vocabulary)
    for i in range(shape.layers):
        for name, extents in (
            ("attn_norm.weight", (d,)),
            ("post_attention_norm.weight", (d,)),
            ("attn_q.weight", (d, q)),
            ("attn_k.weight", (d, k)),
            ("attn_v.weight", (d, k)),
            ("attn_output.weight", (q, d)),
            ("attn_output.bias", (d,)),
            ("attn_sinks.weight", (shape.heads,)),
            ("ffn_gate_inp.weight", (d, e)),
            ("ffn_gate_inp.bias", (e,)),
            ("ffn_gate_exps.weight", (d, f, e)),
            ("ffn_gate_exps.bias", (f, e)),
            ("ffn_up_exps.weight", (d, f, e)),
            ("ffn_up_exps.bias", (f, e)),
            ("ffn_down_exps.weight", (f, d, e)),
            ("ffn_down_exps.bias", (d, e)),
        ):
            yield f"blk.{i}.{name}", extents


def _check_tensors(
    path: Path, shape: ModelShape, tensors: dict[str, TensorInfo], vocabulary: int
) -> None:
    for name, extents in _expected(shape, vocabulary):
        tensor = tensors.get(name)
        if tensor is None:
            raise _damaged(path, f"the tensor {name} is missing")
        if tensor.shape != extents:
            raise _damaged(path, f"the tensor {name} has shape {tensor.shape}, not {extents}")
        one_row = len(extents) == 1 or name.endswith(".bias")
        if one_row and tensor.type_name != "F32":
            raise _damaged(path, f"the tensor {name} is {tensor.type_name}, not F32")
