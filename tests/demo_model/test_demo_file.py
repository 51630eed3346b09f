from __future__ import annotations

from gptoss_cli.models.gguf import read_header
from gptoss_cli.models.registry import DEMO_FILE
from gptoss_cli.models.weights import open_model

FILE = DEMO_FILE
THREE_MEGABYTES = 3_000_000


def test_the_file_is_small_enough_to_ship():
    assert FILE.stat().st_size <= THREE_MEGABYTES


def test_it_is_a_real_gpt_oss():
    weights = open_model(FILE).file
    assert weights.quantization == "MXFP4"
    assert weights.shape.window == 128
    assert weights.shape.context_length == 131_072
    assert 1 < weights.shape.experts_used < weights.shape.experts
    header = read_header(FILE)
    assert header.metadata["general.architecture"] == "gpt-oss"
    assert header.metadata["gpt-oss.rope.scaling.type"] == "yarn"
    kinds = {tensor.name: tensor.type_name for tensor in header.tensors}
    assert kinds["token_embd.weight"] == "Q8_0"
    for layer in range(weights.shape.layers):
        assert kinds[f"blk.{layer}.attn_sinks.weight"] == "F32"
        assert kinds[f"blk.{layer}.ffn_down_exps.weight"] == "MXFP4"


def test_digits_are_tokens_of_their_own():
    pieces = open_model(FILE).tokens
    assert not [p for p in pieces if len(p) > 1 and set(p) & set("0123456789")]
