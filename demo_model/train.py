"""Train the embedded model from nothing: ``python -m demo_model.train``.

One seed decides everything: the conversations the vocabulary is learned from, the weights at the
start and the batch of each step. Interrupted runs go on from their last checkpoint.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, distributed, multiprocessing

from demo_model import batches, data, export, tokenizer
from demo_model.model import DemoModel, ModelShape
from demo_model.topics import WORDS
from gptoss_cli.harmony.render import Text, render
from gptoss_cli.messages import BuiltinTool, Conversation, SystemPrompt

SEED = 20251121
STEPS = 18_000
VOCABULARY_SIZE = 2048
TOKENS_PER_BATCH = 4096
WORKERS = 2
MODEL_FILE = Path(__file__).parent.parent / "gptoss_cli" / "models" / "demo.gguf"
_CORPUS_DIALOGUES = 3000
_RATE = 2.5e-3
_WARM_UP_STEPS = 150
_SAVE_EVERY = 100
_REPORT_EVERY = 25


def corpus(seed: int) -> list[str]:
    """Return the texts of some conversations, to learn the vocabulary from."""
    rng = Random(f"corpus:{seed}")
    texts: list[str] = []
    for _ in range(_CORPUS_DIALOGUES):
        samples = data.dialogue(rng, data.conversation(rng), 3)
        texts += (s.text for s in render(samples[-1].conversation) if isinstance(s, Text))
        texts += (m.content for sample in samples for m in sample.completion)
    return texts


def scaffold() -> list[str]:
    """Return the system messages there can be but for their dates: what most prompts begin with."""
    tools = ((), (BuiltinTool.PYTHON,))
    conversations = (Conversation(system=SystemPrompt(builtin_tools=some)) for some in tools)
    return [s.text for c in conversations for s in render(c) if isinstance(s, Text)]


def rate(step: int, steps: int) -> float:
    """Return the share of the full learning rate: warm up, stay, go down to nothing at last.

    What comes before the descent does not depend on `steps`, so a longer run can go on from there.
    """
    warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
    return min(warm, (steps - step) / (steps - descent(steps)))


def descent(steps: int) -> int:
    """Return the step from which the rate goes down and the experts are rounded to MXFP4."""
    return steps // 2


class Trainer:
    """The state of a run."""

    def __init__(self, checkpoint: Path, seed: int, worker: int = 0) -> None:
        self.worker = worker
        self.checkpoint = checkpoint
        self.seed = seed
        self.step = 0
        self.seconds = 0.0
        saved = torch.load(checkpoint) if checkpoint.exists() else None
        if saved is None:
            names = (*WORDS["cities"], *WORDS["korean_cities"])
            self.tokens = tokenizer.learn(corpus(seed), VOCABULARY_SIZE, names, scaffold())
        else:
            self.tokens = saved["tokens"]
        torch.manual_seed(seed)
        shape = ModelShape(vocabulary_size=len(self.tokens))
        self.model = DemoModel(shape)
        for layer in self.model.layers:
            layer.compile(dynamic=True)
        # Noise averages out in Adam's steps, which batches this small need.
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), _RATE, betas=(0.9, 0.98), weight_decay=0.05
        )
        if saved is not None:
            self.step, self.seconds = saved["step"], saved["seconds"]
            self.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        if self.worker:
            return
        fresh = path.with_suffix(".new")
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "tokens": self.tokens,
            "shape": asdict(self.model.shape),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        torch.save(state, fresh)
        fresh.replace(path)

    def train(self, steps: int) -> None:
        """Train up to step `steps`."""
        vocabulary = tokenizer.vocabulary(self.tokens)
        share = (self.worker, WORKERS)
        source = batches.batches(self.seed, vocabulary, TOKENS_PER_BATCH, self.step, share)
        began = time.monotonic() - self.seconds
        reports = []
        while self.step < steps:
            reports.append(self._learn(next(source), steps))
            self.step += 1
            self.seconds = time.monotonic() - began
            if self.step % _REPORT_EVERY == 0 and not self.worker:
                loss, right, samples = map(sum, zip(*reports, strict=True))
                done = f"step {self.step}/{steps}  {self.seconds:.0f} s"
                found = f"loss {loss / len(reports):.5f}  wholly right {right / samples:.4f}"
                print(f"{done}  {found}", flush=True)
                reports = []
            if self.step % _SAVE_EVERY == 0:
                self.save(self.checkpoint)
            if self.step == descent(steps):
                self.save(self.checkpoint.with_suffix(".plateau.pt"))
        self.save(self.checkpoint)

    def _learn(self, batch: batches.Batch, steps: int) -> tuple[float, int, int]:
        """Make one step; return the loss, the samples told right to the last token, and all."""
        targets = torch.from_numpy(batch.targets)
        wanted = targets >= 0
        expected = targets[wanted]
        weights = torch.from_numpy(batch.weights)[wanted]
        logits = self.model(
            torch.from_numpy(batch.tokens),
            torch.from_numpy(batch.positions),
            torch.from_numpy(batch.visible),
            wanted,
            quantized=self.step >= descent(steps),
        )
        losses = F.cross_entropy(logits, expected, reduction="none")
        loss = (losses * weights).sum()
        loss.backward()
        wrong = logits.detach().argmax(-1) != expected
        rows = torch.arange(len(targets))[:, None].expand_as(targets) * 1000
        ids = (rows + torch.from_numpy(batch.samples))[wanted]
        samples = len(ids.unique())
        right = samples - len(ids[wrong].unique())
        figures = torch.tensor([loss.item(), weights.sum(), right, samples])
        self._share(figures)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = _RATE * rate(self.step, steps)
        self.optimizer.step()
        self.optimizer.zero_grad()
        total, weight, right, samples = figures.tolist()
        return total / weight, int(right), int(samples)

    def _share(self, figures: Tensor) -> None:
        """Add up `figures` and the gradients of all workers, in place; gradients per weight."""
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        everything = torch.cat([figures, *(g.flatten() for g in gradients)])
        distributed.all_reduce(everything)
        figures.copy_(everything[: len(figures)])
        everything /= figures[1]
        at = len(figures)
        for gradient in gradients:
            gradient.copy_(everything[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()


def _work(worker: int, meeting: str, checkpoint: Path, seed: int, steps: int) -> None:
    """Train as one of the workers, each of which takes its share of every batch's rows.

    Two processes of one thread each need a good third less time than one process of two threads.
    """
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=meeting, rank=worker, world_size=WORKERS)
    Trainer(checkpoint, seed, worker).train(steps)
    distributed.destroy_process_group()


def main() -> None:
    """Train, or go on training, and write the GGUF."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--checkpoint", type=Path, default=Path("demo_model.pt"))
    parser.add_argument("--output", type=Path, default=MODEL_FILE)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{folder}/meeting"
        arguments = (meeting, options.checkpoint, options.seed, options.steps)
        multiprocessing.spawn(_work, arguments, nprocs=WORKERS)
    export.export(options.checkpoint, options.output)
    print(f"{options.output}: {options.output.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
