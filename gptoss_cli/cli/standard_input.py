"""Standard input: whose it is, and what it brings.

A prompt takes what is piped to it, and only that. In ``while read line; do gptoss "..."; done`` the
input is the loop's: read here, the loop would end after its first line. It is told by two signs: a
file of which somebody has read a part already, and a pipe that the calling process, or who called
that, has as its own standard input; but who only runs another program, as timeout does, reads
nothing. Such an input is left alone unless it is asked for by ``-``.
"""

from __future__ import annotations

import locale
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Final

from gptoss_cli.errors import UsageError

_WAITED_S: Final = 2.0
_MOST_BYTES: Final = 256 << 20
_PIECE_BYTES: Final = 1 << 20
# They run one command, and what is piped to them is that command's.
_WRAPPERS: Final = frozenset(
    (
        *("chrt", "ionice", "nice", "prlimit", "setarch", "setpriv", "setsid", "stdbuf", "taskset"),
        *("doas", "runuser", "sudo", "unshare", "systemd-inhibit", "systemd-run"),
        *("flock", "strace", "time", "timeout", "unbuffer", "uv", "valgrind"),
    )
)


def is_at_a_terminal() -> bool:
    """Whether a person types at standard input; a closed one is None."""
    return sys.stdin is not None and sys.stdin.isatty()


def is_piped() -> bool:
    """Whether standard input brings text: a pipe, a file or a socket, not a terminal."""
    mode = _status()
    return mode is not None and _brings_text(mode.st_mode)


def is_somebody_elses() -> bool:
    """Whether another program reads this standard input, too, line by line: a loop of a shell."""
    status = _status()
    if status is None:
        return False
    if stat.S_ISREG(status.st_mode):
        return os.lseek(sys.stdin.fileno(), 0, os.SEEK_CUR) > 0
    if not stat.S_ISFIFO(status.st_mode):
        return False
    process = os.getppid()
    try:  # where there is no /proc, nobody knows
        while os.path.samestat(os.stat(f"/proc/{process}/fd/0"), status):  # noqa: PTH116
            name, process = _caller(process)
            if name not in _WRAPPERS:
                return True
    except (OSError, ValueError):
        pass
    return False


def read_text() -> str:
    """Return the text on standard input, without the newlines at its end. Raises UsageError."""
    from gptoss_cli.documents.decoding import decode  # a question needs none

    return decode(read_bytes(), locale.getpreferredencoding(False)).rstrip("\n")


def read_bytes() -> bytes:
    """Return all that comes on standard input; a person who waits for it is told so.

    Raises UsageError when it cannot be read, or does not end.
    """
    if _status() is None:
        raise UsageError("there is no standard input.", hint="leave out -")
    waiting = threading.Timer(_WAITED_S, _tell)
    waiting.daemon = True
    waiting.start()
    pieces: list[bytes] = []
    size_bytes = 0
    try:
        while piece := os.read(sys.stdin.fileno(), _PIECE_BYTES):
            waiting.cancel()
            pieces.append(piece)
            size_bytes += len(piece)
            if size_bytes > _MOST_BYTES:
                raise UsageError(
                    f"standard input has more than {_MOST_BYTES >> 20} MB.",
                    hint="a part of it, for example: head -c 1000000",
                )
    except OSError as error:
        raise UsageError(f"standard input cannot be read: {error.strerror}.") from None
    finally:
        waiting.cancel()
    return b"".join(pieces)


def _tell() -> None:
    from gptoss_cli.ui.say import say

    hint = "Ctrl-D ends it" if is_at_a_terminal() else "< /dev/null if there is none"
    say(f"reading standard input; {hint}")


def _caller(process: int) -> tuple[str, int]:
    """Return the name of a process, and which one called it (proc(5): comm, ppid)."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
    before, _, after = fields.rpartition(")")
    return before.partition("(")[2], int(after.split()[1])


def _status() -> os.stat_result | None:
    try:
        return os.fstat(sys.stdin.fileno())
    except (OSError, ValueError, AttributeError):
        return None


def _brings_text(mode: int) -> bool:
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
