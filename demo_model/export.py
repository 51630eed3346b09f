"""Write a checkpoint as a GGUF of architecture ``gpt-oss``, as gpt-oss-20b's own is laid out.

Embeddings and attention in Q8_0, experts in MXFP4, the rest in float32.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Quantization
from torch import Tensor

from demo_model import tokenizer
from demo_model.model import NORM_EPSILON, ModelShape

SHARPNESS = 2.0
"""The last layer's weights are written this much larger: sampling at temperature 1 then is what it
was at 1/2 in training. Greedy answers do not change."""

_MXFP4_MOE_FILE = 38
_CHAT_TEMPLATE = (
    "{{- '<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\\n"
    "Knowledge cutoff: 2024-06\\n\\nReasoning: medium\\n\\n# Valid channels: analysis, commentary, "
    "final. Channel must be included for every message.<|end|>' -}}"
    "{%- for m in messages -%}{%- if m.role == 'assistant' -%}"
    "{{- '<|start|>assistant<|channel|>final<|message|>' + m.content + '<|end|>' -}}"
    "{%- else -%}{{- '<|start|>' + m.role + '<|message|>' + m.content + '<|end|>' -}}{%- endif -%}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|start|>assistant' -}}{%- endif -%}"
)


def export(checkpoint: Path, output: Path, sharpness: float = SHARPNESS) -> None:
    """Write the model of `checkpoint` to `output`."""
    saved = torch.load(checkpoint)
    shape = ModelShape(**saved["shape"])
    weights: dict[str, Tensor] = saved["model"]
    fresh = output.with_suffix(".new")
    writer = gguf.GGUFWriter(fresh, "gpt-oss")
    _write_keys(writer, shape)
    _write_vocabulary(writer, saved["tokens"])
    for name, tensor, kind in _tensors(shape, weights, sharpness):
        array = np.ascontiguousarray(tensor.float().numpy())
        if kind is not Quantization.F32:
            array = gguf.quants.quantize(array, kind)
        writer.add_tensor(name, array, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    fresh.replace(output)


def _write_keys(writer: gguf.GGUFWriter, shape: ModelShape) -> None:
    writer.add_name("gptoss demo")
    writer.add_description("A tiny gpt-oss that adds and subtracts; made by demo_model in gptoss")
    writer.add_license("apache-2.0")
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.expert_width)
    writer.add_expert_feed_forward_length(shape.expert_width)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_size)
    writer.add_value_length(shape.head_size)
    writer.add_rope_dimension_count(shape.head_size)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_expert_count(shape.experts)
    writer.add_expert_used_count(shape.experts_used)
    writer.add_sliding_window(shape.window)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(shape.rope_factor)
    writer.add_rope_scaling_orig_ctx_len(shape.rope_original_context)
    writer.add_file_type(_MXFP4_MOE_FILE)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _write_vocabulary(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-4o")
    writer.add_token_list(tokens)
    writer.add_token_types(tokenizer.types(tokens))
    writer.add_token_merges(tokenizer.merges(tokens))
    writer.add_bos_token_id(tokens.index("<|startoftext|>"))
    writer.add_eos_token_id(tokens.index("<|return|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_chat_template(_CHAT_TEMPLATE)


def _tensors(
    shape: ModelShape, weights: dict[str, Tensor], sharpness: float
) -> list[tuple[str, Tensor, Quantization]]:
    """Return name, values and format of each tensor."""
    q8, f32, mxfp4 = Quantization.Q8_0, Quantization.F32, Quantization.MXFP4
    tensors = [
        ("token_embd.weight", weights["embedding.weight"], q8),
        ("output_norm.weight", weights["output_norm.weight"], f32),
        ("output.weight", weights["output.weight"] * sharpness, q8),
    ]
    names = (
        ("attn_norm.weight", "attention_norm.weight", f32),
        ("post_attention_norm.weight", "expert_norm.weight", f32),
        *(
            (f"attn_{theirs}.{part}", f"attention.{ours}.{part}", q8 if part == "weight" else f32)
            for theirs, ours in (("q", "q"), ("k", "k"), ("v", "v"), ("output", "output"))
            for part in ("weight", "bias")
        ),
        ("attn_sinks.weight", "attention.sinks", f32),
        ("ffn_gate_inp.weight", "experts.router.weight", f32),
        ("ffn_gate_inp.bias", "experts.router.bias", f32),
        *((f"ffn_{part}_exps.weight", f"experts.{part}", mxfp4) for part in ("gate", "up", "down")),
        *(
            (f"ffn_{part}_exps.bias", f"experts.{part}_bias", f32)
            for part in ("gate", "up", "down")
        ),
    )
    for i in range(shape.layers):
        tensors += [
            (f"blk.{i}.{theirs}", weights[f"layers.{i}.{ours}"], kind)
            for theirs, ours, kind in names
        ]
    return tensors


def main() -> None:
    """Write the GGUF of a checkpoint, of an unfinished run as well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--sharpness", type=float, default=SHARPNESS)
    options = parser.parse_args()
    export(options.checkpoint, options.output, options.sharpness)


if __name__ == "__main__":
    main()
