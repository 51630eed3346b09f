"""gpt-oss in PyTorch, small: what llama.cpp computes for architecture ``gpt-oss``, line for line.

Attention sinks, an alternating sliding window (even layers), YaRN rotary positions in NeoX layout,
and a mixture of experts with a softmax over the chosen ones and the clamped SwiGLU. Experts are
evaluated densely, all of them for every token: at this size one large product is faster than
gathering tokens per expert.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

MXFP4_VALUES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
MXFP4_BLOCK = 32
NORM_EPSILON = 1e-5
SWIGLU_ALPHA = 1.702
SWIGLU_LIMIT = 7.0


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The numbers of the architecture, as they stand in the GGUF."""

    vocabulary_size: int
    layers: int = 4
    width: int = 128
    heads: int = 4
    kv_heads: int = 2
    head_size: int = 32
    experts: int = 4
    experts_used: int = 2
    expert_width: int = 128
    window: int = 128
    context_length: int = 131_072
    rope_base: float = 150_000.0
    rope_factor: float = 32.0
    rope_original_context: int = 4096


def rope_frequencies(shape: ModelShape) -> tuple[Tensor, float]:
    """Return YaRN's angle per position for each pair of a head, and the factor on cos and sin.

    High frequencies are kept, low ones divided by the factor, with a ramp between the two
    (beta 32 and 1, llama.cpp's defaults, which gpt-oss uses).
    """
    size, base = shape.head_size, shape.rope_base
    pair = torch.arange(size // 2, dtype=torch.float64)
    extrapolated = base ** (-2 * pair / size)

    def pair_of(turns: float) -> float:
        original = shape.rope_original_context
        return size * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(base))

    low = max(0, math.floor(pair_of(32)))
    high = min(size - 1, math.ceil(pair_of(1)))
    kept = 1 - ((pair - low) / max(0.001, high - low)).clamp(0, 1)
    angles = extrapolated / shape.rope_factor * (1 - kept) + extrapolated * kept
    return angles.float(), 1 + 0.1 * math.log(shape.rope_factor)


def as_mxfp4(weight: Tensor) -> Tensor:
    """Return `weight` rounded to what MXFP4 holds: 32 values of 4 bits share a power of two."""
    blocks = weight.reshape(-1, MXFP4_BLOCK)
    largest = blocks.abs().amax(dim=1, keepdim=True).clamp_min(1e-30)
    scale = torch.exp2(torch.floor(torch.log2(largest)) - 2)
    values = torch.tensor(MXFP4_VALUES)
    middles = (values[1:] + values[:-1]) / 2
    index = torch.bucketize((blocks / scale).abs(), middles)
    return (values[index] * blocks.sign() * scale).reshape(weight.shape)


def rounded(weight: Tensor) -> Tensor:
    """Return the MXFP4 rounding of `weight`, with the gradient of `weight` itself."""
    with torch.no_grad():
        difference = as_mxfp4(weight) - weight
    return weight + difference


class Norm(nn.Module):
    """Root-mean-square norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` at length one per element on average."""
        return F.rms_norm(x, self.weight.shape, self.weight, NORM_EPSILON)


class Attention(nn.Module):
    """Grouped-query attention in which each head may also attend to nothing: its sink."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        size = shape.head_size
        self.q = nn.Linear(shape.width, shape.heads * size)
        self.k = nn.Linear(shape.width, shape.kv_heads * size)
        self.v = nn.Linear(shape.width, shape.kv_heads * size)
        self.output = nn.Linear(shape.heads * size, shape.width)
        self.sinks = nn.Parameter(torch.zeros(shape.heads))
        sink_key = F.pad(torch.ones(1, 1, 1, 1), (size, 0))
        self.register_buffer("sink_key", sink_key, persistent=False)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor], bias: Tensor) -> Tensor:
        """Return what each token takes from those it sees; `bias` is added to the scores."""
        batch, length, _ = x.shape
        s = self.shape
        group = s.heads // s.kv_heads
        q = rotate(self.q(x).view(batch, length, s.heads, s.head_size), rotation)
        k = rotate(self.k(x).view(batch, length, s.kv_heads, s.head_size), rotation)
        v = self.v(x).view(batch, length, s.kv_heads, s.head_size)
        # The sink is one more key, met in a dimension of its own, so that no large tensor is
        # copied for it. The heads of a group share their keys in one product.
        q = q.view(batch, length, s.kv_heads, group, s.head_size) * s.head_size**-0.5
        sink = self.sinks.view(s.kv_heads, group, 1).expand(batch, length, -1, -1, -1)
        q = torch.cat((q, sink), dim=-1).permute(0, 2, 3, 1, 4)
        q = q.reshape(batch, s.kv_heads, group * length, s.head_size + 1)
        k = torch.cat((F.pad(k, (0, 1)), self.sink_key.expand(batch, -1, s.kv_heads, -1)), dim=1)
        scores = (q @ k.permute(0, 2, 3, 1)).view(batch, s.kv_heads, group, length, length + 1)
        weights = torch.softmax(scores.add_(bias[:, None, None]), dim=-1)
        weights = weights.view(batch, s.kv_heads, group * length, length + 1)
        mixed = weights @ F.pad(v.transpose(1, 2), (0, 0, 0, 1))
        mixed = mixed.view(batch, s.kv_heads, group, length, s.head_size)
        return self.output(mixed.permute(0, 3, 1, 2, 4).reshape(batch, length, -1))


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Apply rotary positions to (batch, length, heads, size), first half against second half."""
    cos, sin = rotation
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class ClampedSwiGLU(torch.autograd.Function):
    """gpt-oss's activation; by hand, since autograd would walk memory twice as often."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        """Return gate * sigmoid(alpha * gate) * (up + 1), both clamped."""
        gate = gate.clamp(max=SWIGLU_LIMIT)
        up = up.clamp(-SWIGLU_LIMIT, SWIGLU_LIMIT)
        share = torch.sigmoid_(gate * SWIGLU_ALPHA)
        ctx.save_for_backward(gate, up, share)
        return torch.addcmul(gate, gate, up).mul_(share)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of both."""
        gate, up, share = ctx.saved_tensors
        up_grad = (gate * share).mul_(grad)
        # d/dgate of gate * share is share * (1 + alpha * gate * (1 - share)).
        slope = (1 - share).mul_(gate).mul_(SWIGLU_ALPHA).add_(1).mul_(share)
        gate_grad = torch.addcmul(slope, slope, up).mul_(grad)
        gate_grad.masked_fill_(gate >= SWIGLU_LIMIT, 0)
        up_grad.masked_fill_(up.abs() >= SWIGLU_LIMIT, 0)
        return gate_grad, up_grad


class Experts(nn.Module):
    """The mixture of experts."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        count, inner, width = shape.experts, shape.expert_width, shape.width
        self.router = nn.Linear(width, count)
        self.gate = nn.Parameter(torch.randn(count, inner, width) * width**-0.5)
        self.up = nn.Parameter(torch.randn(count, inner, width) * width**-0.5)
        self.down = nn.Parameter(torch.randn(count, width, inner) * inner**-0.5)
        self.gate_bias = nn.Parameter(torch.zeros(count, inner))
        self.up_bias = nn.Parameter(torch.zeros(count, inner))
        self.down_bias = nn.Parameter(torch.zeros(count, width))

    def forward(self, x: Tensor, quantized: bool) -> Tensor:
        """Return the chosen experts' mixture, of weights as MXFP4 holds them if `quantized`."""
        gate, up, down = self.gate, self.up, self.down
        if quantized:
            gate, up, down = rounded(gate), rounded(up), rounded(down)
        scores = self.router(x)
        chosen = scores.topk(self.shape.experts_used, dim=-1)
        share = torch.zeros_like(scores).scatter(-1, chosen.indices, chosen.values.softmax(-1))
        g = F.linear(x, gate.flatten(0, 1), self.gate_bias.flatten())
        u = F.linear(x, up.flatten(0, 1), self.up_bias.flatten())
        inner = ClampedSwiGLU.apply(g, u).unflatten(-1, self.gate_bias.shape)
        inner = (inner * share[..., None]).flatten(-2)
        return inner @ down.transpose(1, 2).flatten(0, 1) + share @ self.down_bias


class Layer(nn.Module):
    """Attention and experts, each on a normed copy of the stream."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.attention_norm = Norm(shape.width)
        self.attention = Attention(shape)
        self.expert_norm = Norm(shape.width)
        self.experts = Experts(shape)

    def forward(
        self, x: Tensor, rotation: tuple[Tensor, Tensor], bias: Tensor, quantized: bool
    ) -> Tensor:
        """Return the stream after this layer."""
        x = x + self.attention(self.attention_norm(x), rotation, bias)
        return x + self.experts(self.expert_norm(x), quantized)


def _bias(visible: Tensor) -> Tensor:
    """Return what is added to the scores; the last column is the sink's, always visible."""
    return F.pad(torch.zeros(visible.shape).masked_fill_(~visible, -1e9), (0, 1))


class DemoModel(nn.Module):
    """The whole network."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary_size, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape.width)
        self.output = nn.Linear(shape.width, shape.vocabulary_size, bias=False)
        angles, self.rope_scale = rope_frequencies(shape)
        self.register_buffer("angles", angles, persistent=False)
        nn.init.normal_(self.embedding.weight, std=0.5)
        with torch.no_grad():
            for layer in self.layers:
                # Small steps at first: the stream of the embeddings stays readable.
                layer.attention.output.weight *= 0.4
                layer.experts.down *= 0.4
        nn.init.normal_(self.output.weight, std=shape.width**-0.5)

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        visible: Tensor,
        wanted: Tensor,
        quantized: bool = False,
    ) -> Tensor:
        """Return the logits at the places where `wanted` (batch, length) is true.

        `visible` (batch, length, length) says which earlier tokens a token may see at all.
        """
        angle = positions[..., None, None] * self.angles
        rotation = (angle.cos() * self.rope_scale, angle.sin() * self.rope_scale)
        near = positions[:, :, None] - positions[:, None, :] < self.shape.window
        full, windowed = _bias(visible), _bias(visible & near)
        x = self.embedding(tokens)
        for i, layer in enumerate(self.layers):
            x = layer(x, rotation, full if i % 2 else windowed, quantized)
        return self.output(self.output_norm(x[wanted]))
