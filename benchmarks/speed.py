"""Prefill and decode with the terminal UI on, beside llama-bench with the same settings.

    python -m benchmarks.speed MODEL.gguf FOLDER_WITH_llama-bench [ROUNDS] [PROMPT_TOKENS]

Both map the weights without repacking; both read and decode behind the same number of tokens
(llama-bench's -d). What every prompt begins with comes from the disk, as in all runs of a day but
the first. llama-bench runs once before it measures, a person's first answer does not. The UI is the
live renderer on a pseudo-terminal of 80 columns whose output another process reads.
"""

from __future__ import annotations

import json
import os
import pty
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import as_installed, warm

PROMPT_TOKENS, ANSWER_TOKENS = 256, 48
LEAST_TOKENS = 5
AROUND_WORDS = 4  # the tokens of a message beside those of its words
READER = "import os\ntry:\n    while os.read(0, 65536): pass\nexcept OSError: pass"
OURS = "--ours"


def ours(model: Path, descriptor: int, prompt_tokens: int) -> None:
    """Answer once with the UI on standard output and write the rates as JSON to `descriptor`."""
    from gptoss_cli.cli.options import Settings
    from gptoss_cli.cli.wiring import environment, start
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.events import Finished
    from gptoss_cli.ui.renderer import make_renderer

    settings = Settings(model=str(model), threads=2, seed=1, max_tokens=ANSWER_TOKENS)
    running = start(settings, lasting=False)
    words = "word " * (prompt_tokens - AROUND_WORDS)
    with make_renderer(environment(), show_thinking=True) as shown:
        for event in running.chat.answer(running.chat.prepare(words), Cancel()):
            shown.feed(event)
            if isinstance(event, Finished):
                rates = {
                    "pp": event.timings.prefill_tps,
                    "tg": event.timings.decode_tps,
                    "prompt": event.usage.prompt_tokens - event.usage.cached_tokens,
                    "cached": event.usage.cached_tokens,
                }
    os.write(descriptor, json.dumps(rates).encode())
    running.close()


def run_ours(model: Path, prompt_tokens: int, cache: str) -> dict[str, float]:
    master, slave = pty.openpty()
    read, write = os.pipe()
    reader = subprocess.Popen([sys.executable, "-c", READER], stdin=master)
    subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.speed", OURS),
            *(str(model), str(write), str(prompt_tokens)),
        ],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        pass_fds=(write,),
        env=as_installed() | {"XDG_CACHE_HOME": cache},
        check=True,
    )
    os.close(write)
    os.close(slave)
    os.close(master)
    rates = json.loads(os.read(read, 4096))
    reader.terminate()
    reader.wait()
    return rates


def run_bench(model: Path, programs: Path, prompt: int, depth: int) -> dict[str, float]:
    command = [
        str(programs / "llama-bench"),
        *("-m", str(model), "-r", "1", "-t", "2", "-fa", "auto", "-o", "json", "--repack", "0"),
    ]
    rates = {}
    for kind, options in (
        ("pp", ["-p", str(prompt), "-n", "0", "-d", str(depth)]),
        ("tg", ["-p", "0", "-n", str(ANSWER_TOKENS), "-d", str(prompt + depth)]),
    ):
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
        (row,) = json.loads(done.stdout)
        rates[kind] = row["avg_ts"]
    return rates


def main() -> None:
    if sys.argv[1] == OURS:
        ours(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
        return
    model, programs = Path(sys.argv[1]), Path(sys.argv[2])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    prompt_tokens = int(sys.argv[4]) if len(sys.argv) > 4 else PROMPT_TOKENS
    pairs = []
    with tempfile.TemporaryDirectory() as cache:
        run_ours(model, LEAST_TOKENS, cache)
        for number in range(rounds):
            warm(model)
            mine = run_ours(model, prompt_tokens, cache)
            theirs = run_bench(model, programs, int(mine["prompt"]), int(mine["cached"]))
            pairs.append((mine, theirs))
            print(f"round {number + 1}: gptoss {mine}, llama-bench {theirs}", flush=True)
    for kind in ("pp", "tg"):
        mine = statistics.median(m[kind] for m, _ in pairs)
        theirs = statistics.median(t[kind] for _, t in pairs)
        ratio = statistics.median(m[kind] / t[kind] for m, t in pairs)
        print(f"{kind}: gptoss {mine:.2f}, llama-bench {theirs:.2f} tokens/s, ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
