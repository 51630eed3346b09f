"""The numbers of the real models, for what is computed from them."""

from __future__ import annotations

from dataclasses import replace

from gptoss_cli.models.weights import ModelFile, ModelShape

SHAPE_20B = ModelShape(
    layers=24,
    width=2880,
    heads=64,
    kv_heads=8,
    head_dim=64,
    ff_width=2880,
    experts=32,
    experts_used=4,
    window=128,
    context_length=131_072,
)
MODEL_20B = ModelFile(
    parts=(),
    name="gpt-oss-20b",
    shape=SHAPE_20B,
    quantization="MXFP4",
    total_bytes=12_104_857_664,
    expert_bytes=10_178_887_680,
    vocabulary_size=201_088,
)
SHAPE_120B = replace(SHAPE_20B, layers=36, experts=128)
MODEL_120B = replace(
    MODEL_20B,
    name="gpt-oss-120b",
    shape=SHAPE_120B,
    total_bytes=63_387_346_208,
    expert_bytes=60_900_000_000,
)
