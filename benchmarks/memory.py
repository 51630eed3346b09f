"""The most anonymous memory of a one-shot with a context of 8,192 tokens.

    python -m benchmarks.memory MODEL.gguf [WORDS]

The prompt has so many WORDS (300); what scores of attention take grows with it. Anonymous memory is
what the program needs beside the mapped weights (Linux, smaps_rollup).
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    words = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gptoss_cli", "run", "-m", sys.argv[1], "--context", "8192"),
            *("--max-tokens", "8", "--threads", "2", "word " * words),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    most_kb = 0
    while process.poll() is None:
        try:
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        except (OSError, ProcessLookupError):
            break
        match = re.search(r"^Anonymous:\s+(\d+) kB", rollup, re.MULTILINE)
        most_kb = max(most_kb, int(match[1]) if match else 0)
        time.sleep(0.2)
    print(f"anonymous memory at most {most_kb / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
