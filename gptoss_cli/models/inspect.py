"""What a model is, told from the headers of its parts without loading it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gptoss_cli.models.gguf import GgufHeader, TensorInfo
from gptoss_cli.models.weights import ModelFile, assemble

_LONGEST_TEXT: Final = 200
_EXPERTS: Final = "experts"
_EMBEDDING: Final = "token_embd.weight"
# What the name of a tensor tells about its part in the model, the first that fits.
_KINDS: Final = (
    ("_exps.", _EXPERTS),
    ("ffn_gate_inp", "router"),
    ("attn_norm", "norms"),
    ("attention_norm", "norms"),
    ("attn_", "attention"),
    ("token_embd", "embedding"),
    ("output_norm", "norms"),
    ("output", "output"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the model, by its name, without folders."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Description:
    """What a person wants to know of a model.

    ``parameters`` counts all weights; ``active_parameters`` those that one token passes through:
    of the experts as many as the router chooses, and not the embedding, of which a token reads one
    row (arXiv 2508.10925, table 1, counts so). ``quantization`` pairs a kind of tensor with the
    types its weights are stored in, most bytes first. ``template_sha256`` is that of the chat
    template, None without one; it is told, not used: gptoss writes harmony itself.
    """

    model: ModelFile
    architecture: str
    parameters: int
    active_parameters: int
    quantization: tuple[tuple[str, str], ...]
    tokenizer: str
    license: str | None
    template_sha256: str | None
    parts: tuple[Part, ...]


def describe(headers: Sequence[GgufHeader]) -> Description:
    """Return what the `headers` of all parts say. Raises ModelFileError for what is no gpt-oss."""
    model = assemble(headers)
    metadata = headers[0].metadata
    tensors = [tensor for header in headers for tensor in header.tensors]
    template = metadata.get("tokenizer.chat_template")
    splits, text_model = metadata["tokenizer.ggml.pre"], metadata["tokenizer.ggml.model"]
    return Description(
        model=model,
        architecture=str(metadata["general.architecture"]),
        parameters=sum(map(_elements, tensors)),
        active_parameters=_active_parameters(model, tensors),
        quantization=tuple(_quantization(tensors)),
        tokenizer=f"{text_model} ({splits}), {model.vocabulary_size:,} tokens",
        license=_text(metadata.get("general.license")),
        template_sha256=_sha256(template) if isinstance(template, str) else None,
        parts=tuple(Part(header.path.name, header.file_bytes) for header in headers),
    )


def _elements(tensor: TensorInfo) -> int:
    return math.prod(tensor.shape)


def _active_parameters(model: ModelFile, tensors: Sequence[TensorInfo]) -> int:
    shape = model.shape
    experts = sum(_elements(tensor) for tensor in tensors if "_exps." in tensor.name)
    others = sum(_elements(t) for t in tensors if "_exps." not in t.name and t.name != _EMBEDDING)
    return others + experts * shape.experts_used // shape.experts


def _quantization(tensors: Sequence[TensorInfo]) -> Iterator[tuple[str, str]]:
    """Yield each kind of tensor with the types of its weights; biases go with their weights."""
    sizes: dict[str, dict[str, int]] = {}
    for tensor in tensors:
        kind = next((kind for part, kind in _KINDS if part in tensor.name), "others")
        if tensor.name.endswith(".weight"):
            types = sizes.setdefault(kind, {})
            types[tensor.type_name] = types.get(tensor.type_name, 0) + tensor.n_bytes
    for kind, types in sorted(sizes.items(), key=lambda item: -sum(item[1].values())):
        yield kind, " ".join(sorted(types, key=lambda name: -types[name]))


def _text(value: object) -> str | None:
    return value[:_LONGEST_TEXT] if isinstance(value, str) and value.strip() else None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
