"""Write a small gpt-oss GGUF with random weights: real in every part but its words.

Its vocabulary is the 256 bytes and harmony's markers; its window is small, so that a few hundred
tokens leave it behind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

WINDOW = 32
CONTEXT_LENGTH = 4096
MARKERS = (
    "<|startoftext|>",
    "<|endoftext|>",
    "<|return|>",
    "<|constrain|>",
    "<|channel|>",
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|call|>",
)


def byte_tokens() -> list[str]:
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) if b in printable else chr(0x100 + others.index(b)) for b in range(256)]


def write_random_model(
    path: Path, *, layers: int = 4, seed: int = 0, changes: dict[str, Any] | None = None
) -> Path:
    """`changes` replaces metadata by key; a value of None leaves the key out."""
    d, f, e, heads, kv, head = 64, 64, 4, 4, 2, 32
    tokens = [*byte_tokens(), "in", *MARKERS]
    types = [1] * 257 + [3] * len(MARKERS)
    metadata: dict[str, Any] = {
        "gpt-oss.context_length": CONTEXT_LENGTH,
        "gpt-oss.embedding_length": d,
        "gpt-oss.block_count": layers,
        "gpt-oss.feed_forward_length": f,
        "gpt-oss.expert_feed_forward_length": f,
        "gpt-oss.attention.head_count": heads,
        "gpt-oss.attention.head_count_kv": kv,
        "gpt-oss.attention.key_length": head,
        "gpt-oss.attention.value_length": head,
        "gpt-oss.attention.layer_norm_rms_epsilon": 1e-5,
        "gpt-oss.attention.sliding_window": WINDOW,
        "gpt-oss.expert_count": e,
        "gpt-oss.expert_used_count": 2,
        "gpt-oss.rope.freq_base": 150_000.0,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-4o",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": ["i n"],
        "tokenizer.ggml.bos_token_id": 257,
        "tokenizer.ggml.eos_token_id": 259,
    }
    metadata |= changes or {}
    architecture = metadata.pop("general.architecture", "gpt-oss")
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in metadata.items():
        _add(writer, key, value)
    random = np.random.default_rng(seed)

    def dense(name: str, *shape: int) -> None:
        values = random.standard_normal(shape, dtype=np.float32) / np.sqrt(shape[-1])
        writer.add_tensor(name, gguf.quants.quantize(values, Kind.Q8_0), raw_dtype=Kind.Q8_0)

    def expert(name: str, *shape: int) -> None:
        values = random.standard_normal(shape, dtype=np.float32) / np.sqrt(shape[-1])
        writer.add_tensor(name, gguf.quants.quantize(values, Kind.MXFP4), raw_dtype=Kind.MXFP4)

    def small(name: str, *shape: int) -> None:
        writer.add_tensor(name, random.standard_normal(shape, dtype=np.float32) * 0.1)

    def norm(name: str) -> None:
        writer.add_tensor(name, np.ones(d, dtype=np.float32))

    dense("token_embd.weight", len(tokens), d)
    norm("output_norm.weight")
    output = random.standard_normal((len(tokens), d), dtype=np.float32) / np.sqrt(d)
    # Some other token is always likelier than a marker: taken greedily, an answer never ends.
    output[-len(MARKERS) :] = 0.0
    writer.add_tensor("output.weight", gguf.quants.quantize(output, Kind.Q8_0), raw_dtype=Kind.Q8_0)
    for i in range(layers):
        block = f"blk.{i}."
        norm(block + "attn_norm.weight")
        norm(block + "post_attention_norm.weight")
        for part, rows in (("q", heads * head), ("k", kv * head), ("v", kv * head)):
            dense(f"{block}attn_{part}.weight", rows, d)
            small(f"{block}attn_{part}.bias", rows)
        dense(block + "attn_output.weight", d, heads * head)
        small(block + "attn_output.bias", d)
        small(block + "attn_sinks.weight", heads)
        writer.add_tensor(
            block + "ffn_gate_inp.weight", random.standard_normal((e, d), dtype=np.float32)
        )
        small(block + "ffn_gate_inp.bias", e)
        for part in ("gate", "up"):
            expert(f"{block}ffn_{part}_exps.weight", e, f, d)
            small(f"{block}ffn_{part}_exps.bias", e, f)
        expert(block + "ffn_down_exps.weight", e, d, f)
        small(block + "ffn_down_exps.bias", e, d)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    match value:
        case None:
            pass
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value)
        case float():
            writer.add_float32(key, value)
        case str():
            writer.add_string(key, value)
        case _:
            writer.add_array(key, value)
