"""A pull of one large file beside `hf download`, from the same server on this machine.

    python -m benchmarks.pull [SIZE_MIB] [ROUNDS]

Whole processes, each into an empty cache on the same disk: seconds, seconds of CPU, and the most
memory. `gptoss pull` reads the header first and hashes every byte; `hf download` does neither. Then
the listing of fifty models.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from benchmarks.timing import as_installed
from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.registry import DEMO_FILE

_REPO = "org/gpt-oss-20b-GGUF"
_FILE = "gpt-oss-20b-mxfp4.gguf"
_MIB = 1 << 20


def run(command: Sequence[str], env: Mapping[str, str]) -> tuple[float, float, float]:
    """Return seconds, seconds of CPU and MB of memory that `command` took."""
    began_s = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}")
    wall_s = time.perf_counter() - began_s
    return wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def pulls(size_mib: int, rounds: int, folder: Path) -> None:
    served = folder / "served"
    served.mkdir()
    with (served / _FILE).open("wb") as file:
        file.write(DEMO_FILE.read_bytes())
        block = Random(0).randbytes(_MIB)
        for _ in range(size_mib):
            file.write(block)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.hub", _REPO, str(served)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    endpoint = server.stdout.readline().strip().partition("=")[2]
    commands = {
        "hf download": [str(Path(sys.executable).with_name("hf")), "download", _REPO, _FILE],
        "gptoss pull": [sys.executable, "-m", "gptoss_cli", "pull", _REPO],
    }
    results: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    try:
        for _ in range(rounds):
            for name, command in commands.items():
                home = folder / "home"
                shutil.rmtree(home, ignore_errors=True)
                os.sync()
                env = as_installed() | {"HF_HOME": str(home), "HF_ENDPOINT": endpoint}
                results[name].append(run(command, env))
    finally:
        server.terminate()
    for name, measured in results.items():
        wall_s, cpu_s, memory_mb = (
            statistics.median(column) for column in zip(*measured, strict=True)
        )
        print(
            f"{name:12}  {size_mib / wall_s:7.0f} MiB/s  {wall_s:6.2f} s  "
            f"CPU {cpu_s:6.2f} s  memory {memory_mb:5.0f} MB"
        )
    walls = [[one[0] for one in results[name]] for name in commands]
    print("seconds, round by round:", [[f"{s:.2f}" for s in row] for row in walls])


def listing(count: int, rounds: int, folder: Path) -> None:
    cache = CacheFolder(folder / "listed" / "hub")
    for number in range(count):
        repo_id, etag = f"org{number}/gpt-oss-{number}-GGUF", f"{number:064x}"
        cache.prepare(repo_id)
        shutil.copy(DEMO_FILE, cache.blob_path(repo_id, etag))
        cache.link(repo_id, commit=f"{number:040x}", path=_FILE, etag=etag, revision="main")
    homes = {"HF_HOME": str(folder / "listed"), "XDG_DATA_HOME": str(folder / "data")}
    env = as_installed() | homes
    command = [sys.executable, "-m", "gptoss_cli", "models", "ls"]
    seconds = statistics.median(run(command, env)[0] for _ in range(rounds))
    print(f"models ls with {count} models  {seconds * 1000:.0f} ms")


def main() -> None:
    size_mib = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        pulls(size_mib, rounds, Path(folder))
        listing(50, 2 * rounds, Path(folder))


if __name__ == "__main__":
    main()
