"""When repacking the experts pays: what loading costs more, and what each token costs less.

    python -m benchmarks.repack MODEL.gguf [ROUNDS]

Whole processes, page cache warm, two threads, one prompt and one answer; the rounds alternate. The
gain is in reading a prompt as well as in writing an answer: both are printed as the number of
tokens after which the longer load is paid back.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.timing import as_installed, warm

PROMPT_TOKENS, ANSWER_TOKENS, CONTEXT = 256, 32, 8192
OURS = "--ours"


def ours(model: Path, *, repack: bool) -> dict[str, float]:
    """Return seconds of loading, and seconds per token read and written."""
    from gptoss_cli.engine.base import Cancel, Generated, Sampling
    from gptoss_cli.engine.context import LlamaOptions
    from gptoss_cli.engine.llama import LlamaTokenGenerator
    from gptoss_cli.models.weights import open_model

    file = open_model(model).file
    began_s = time.perf_counter()
    generator = LlamaTokenGenerator(
        LlamaOptions(
            paths=file.parts,
            context_window=CONTEXT,
            largest_window=CONTEXT,
            vocabulary_size=file.vocabulary_size,
            threads=2,
            repack=repack,
        )
    )
    prompt = [100 + i % 100 for i in range(PROMPT_TOKENS)]
    steps = generator.generate(
        prompt,
        sampling=Sampling(seed=1),
        stop=frozenset(),
        max_tokens=ANSWER_TOKENS,
        cancel=Cancel(),
    )
    result = next(step for step in steps if isinstance(step, Generated))
    total_s = time.perf_counter() - began_s
    generator.close()
    return {
        "load": total_s - result.prefill_s - result.decode_s,
        "read": result.prefill_s / PROMPT_TOKENS,
        "write": result.decode_s / result.completion_tokens,
    }


def run(model: Path, *, repack: bool) -> dict[str, float]:
    warm(model)
    command = [sys.executable, "-m", "benchmarks.repack", OURS, str(model), str(int(repack))]
    done = subprocess.run(command, env=as_installed(), capture_output=True, text=True, check=True)
    return {str(key): float(value) for key, value in json.loads(done.stdout).items()}


def main() -> None:
    if sys.argv[1] == OURS:
        print(json.dumps(ours(Path(sys.argv[2]), repack=sys.argv[3] == "1")))
        return
    model, rounds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    results: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    for _ in range(rounds):
        for repack, measured in results.items():
            measured.append(run(model, repack=repack))
    middle = {
        repack: {key: statistics.median(one[key] for one in measured) for key in measured[0]}
        for repack, measured in results.items()
    }
    for repack, measured in results.items():
        loads = ", ".join(f"{one['load']:.1f}" for one in measured)
        at = middle[repack]
        print(
            f"{'repacked' if repack else 'mapped':9} load {at['load']:6.1f} s ({loads})  "
            f"reads {1 / at['read']:6.2f} tokens/s  writes {1 / at['write']:6.2f} tokens/s"
        )
    more_s = middle[True]["load"] - middle[False]["load"]
    for key, done in (("read", "read"), ("write", "written")):
        saved_s = middle[False][key] - middle[True][key]
        after = f"after {more_s / saved_s:,.0f} tokens" if saved_s > 0 else "never"
        print(f"what loading takes longer is paid back {after} {done}")


if __name__ == "__main__":
    main()
