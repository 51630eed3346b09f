"""Downloads in processes of their own, which a test may kill, interrupt and limit.

The program is warm and has one thread: it forks for each job, so that fifty of them take seconds.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.support.program import ROOT


class Fetcher:
    """Runs `fetch`, or a command of the program, once at a time, elsewhere. Use it with `with`."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fetcher"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self._answer()  # it is warm
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def start(self, **job: Any) -> int:
        """Begin a job; return the number of its process.

        `limit_bytes` is the longest file the process may write. To fetch: `remote`, `policy` and
        `timeouts` hold the fields of these values. For a command: `arguments`, `env`, and where
        standard error goes, `stderr`.
        """
        assert self._process.stdin
        print(json.dumps(job, default=str), file=self._process.stdin, flush=True)
        return int(self._answer()["pid"])

    def wait(self) -> dict[str, Any]:
        """Wait for the job's end; return exit_code, and what it said: error, hint, received."""
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def main() -> None:
    from gptoss_cli.cli import app  # noqa: F401  warm, as all of these
    from gptoss_cli.models import pull  # noqa: F401
    from gptoss_cli.models.transfer import fetch  # noqa: F401

    # Whoever starts the tests in the background may have them ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(json.dumps({}), flush=True)
    for line in sys.stdin:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            with os.fdopen(writer, "w") as said:
                code = run(json.loads(line), said)
            os._exit(code)
        os.close(writer)
        print(json.dumps({"pid": pid}), flush=True)
        with os.fdopen(reader) as said:
            answer = json.loads(said.read() or "{}")
        _, status = os.waitpid(pid, 0)
        answer["exit_code"] = os.waitstatus_to_exitcode(status)
        print(json.dumps(answer), flush=True)


def run(job: dict[str, Any], said: Any) -> int:
    if "limit_bytes" in job:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit_bytes"], job["limit_bytes"]))
    return command(job) if "arguments" in job else fetch_one(job, said)


def command(job: dict[str, Any]) -> int:
    from gptoss_cli.cli.app import run_command_line

    os.environ |= job["env"]
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)  # the other end of it reads answers
    os.dup2(os.open(job.get("stderr", os.devnull), os.O_WRONLY | os.O_CREAT), 2)
    return run_command_line(job["arguments"])


def fetch_one(job: dict[str, Any], said: Any) -> int:
    from gptoss_cli.errors import GptossError
    from gptoss_cli.models.transfer.fetch import Listener, Policy, fetch
    from gptoss_cli.models.transfer.remote import RemoteFile, Timeouts

    notices: list[str] = []
    policy = Policy(timeouts=Timeouts(**job.get("timeouts", {})), **job.get("policy", {}))
    try:
        received = fetch(
            RemoteFile(**job["remote"]),
            Path(job["blob"]),
            lock=Path(job["lock"]),
            headers={},
            policy=policy,
            listener=Listener(notify=notices.append),
        )
    except GptossError as error:
        json.dump({"error": str(error), "hint": error.hint, "notices": notices}, said)
        return int(error.exit_code)
    except KeyboardInterrupt:
        json.dump({"notices": notices}, said)
        return 130
    json.dump({"received": received, "notices": notices}, said)
    return 0


if __name__ == "__main__":
    main()
