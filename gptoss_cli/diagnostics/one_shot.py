"""How long a person waits for the first token of ``gptoss run``: a process of its own, timed."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from gptoss_cli.errors import EngineError

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Cancel

_POLL_S: Final = 0.02


def first_token_s(command: Sequence[str], cancel: Cancel) -> float | None:
    """Return the seconds from the start of `command` to its first token; None when cancelled.

    `command` is a ``gptoss run --jsonl --max-tokens 1``, which tells its usage when it has the
    token. Raises EngineError when it ends without one.
    """
    began = time.perf_counter()
    arrived: list[float] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Ctrl-C is for us: we end it.
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        lines = process.stdout

        def listen() -> None:
            for line in lines:
                if _is_of_a_token(line) and not arrived:
                    arrived.append(time.perf_counter())

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            while listener.is_alive() and not cancel.is_set():
                listener.join(_POLL_S)
        finally:
            if listener.is_alive():
                process.kill()
            listener.join()
    if cancel.is_set():
        return None
    if not arrived:
        raise EngineError("gptoss run gives no first token.", hint='gptoss run "Hello world"')
    return arrived[0] - began


def _is_of_a_token(line: bytes) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False
    usage = record.get("usage") if isinstance(record, dict) else None
    return bool(usage and usage.get("completion_tokens"))
