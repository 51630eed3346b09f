"""What ``gptoss run`` costs beside the engine's own time, and what ``--jsonl`` adds.

    python -m benchmarks.one_shot FULL_VOCABULARY.gguf [ROUNDS]

The engine's own time is a process that imports llama_cpp, loads the embedded model as the program
does and decodes the tokens of the same prompt and of an answer as long, nothing else. ``--jsonl``
is held against plain text by the decode rate that the program tells, on a small model with the full
vocabulary of 201,088 entries, both through a pipe that somebody reads.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.timing import as_installed, interleaved, report, seconds_of
from gptoss_cli.models.registry import DEMO_FILE

QUESTION = "What is 47 + 85?"
RUN = (sys.executable, "-m", "gptoss_cli", "run", "--temperature", "0")
BARE = """
import ctypes, sys
import llama_cpp as l
path, prompt_tokens, answer_tokens = sys.argv[1].encode(), int(sys.argv[2]), int(sys.argv[3])
silent = l.llama_log_callback(lambda *_: None)
l.llama_log_set(silent, None)
model_parameters = l.llama_model_default_params()
model_parameters.use_extra_bufts = False
model = l.llama_model_load_from_file(path, model_parameters)
parameters = l.llama_context_default_params()
parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = 8192, 512, 512
parameters.n_outputs_max, parameters.swa_full = 1, False
parameters.n_threads = parameters.n_threads_batch = int(sys.argv[4])
context = l.llama_init_from_model(model, parameters)
def decode(ids):
    tokens = (l.llama_token * len(ids))(*ids)
    l.llama_decode(context, l.llama_batch_get_one(tokens, len(ids)))
decode([1 + i % 200 for i in range(prompt_tokens)])
for _ in range(answer_tokens):
    logits = l.llama_get_logits_ith(context, -1)
    decode([max(range(200), key=lambda i: logits[i])])
"""
LONG = ("--max-tokens", "400", "--seed", "1", "Go on.")


def main() -> None:
    full, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 11
    told = json.loads(_output([*RUN, "-m", "demo", "--json", QUESTION])[0])["usage"]
    threads = "1"  # as many as the program takes for a model so small
    counts = [str(told["prompt_tokens"]), str(told["completion_tokens"]), threads]
    results = interleaved(
        {
            "engine alone": seconds_of([sys.executable, "-c", BARE, str(DEMO_FILE), *counts]),
            "gptoss run": seconds_of([*RUN, "-m", "demo", QUESTION]),
            "gptoss run --json": seconds_of([*RUN, "-m", "demo", "--json", QUESTION]),
        },
        rounds,
    )
    report(results, "s", digits=3)
    alone, ours = (statistics.median(results[name]) for name in ("engine alone", "gptoss run"))
    print(f"beside the engine: {(ours - alone) * 1e3:.0f} ms\n")

    rates = interleaved(
        {"plain": lambda: _plain_rate(full), "--jsonl": lambda: _jsonl_rate(full)}, rounds
    )
    report(rates, "tok/s")
    ratios = [b / a for a, b in zip(rates["plain"], rates["--jsonl"], strict=True)]
    print(f"--jsonl decodes at {statistics.median(ratios):.3f} of plain text")


def _output(command: list[str]) -> tuple[str, str]:
    done = subprocess.run(
        command, env=as_installed(), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def _plain_rate(model: str) -> float:
    _, told = _output([*RUN, "-m", model, "--stats", *LONG])
    rate = re.search(r"([\d,.]+) tok/s", told)
    assert rate is not None, told
    return float(rate[1].replace(",", ""))


def _jsonl_rate(model: str) -> float:
    lines = _output([*RUN, "-m", model, "--jsonl", *LONG])[0].splitlines()
    usage = next(line for line in map(json.loads, lines) if line["type"] == "usage")
    return float(usage["timings"]["decode_tps"])


if __name__ == "__main__":
    assert Path(sys.argv[1]).is_file()
    main()
