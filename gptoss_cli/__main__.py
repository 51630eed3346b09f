"""``python -m gptoss_cli`` and the ``gptoss`` command."""

from __future__ import annotations

import gc
import os
import sys
import threading

_INTERRUPTED = 130  # errors.ExitCode; nothing is imported yet when Ctrl-C may come
_COMPLETE = "__complete"  # from the scripts in completions/, at every Tab: not through Typer
# Importing makes 200,000 objects that stay: Python's own threshold of 700 walks through them again
# and again, which takes a tenth of a short answer's time.
_NEW_OBJECTS_BEFORE_GC = 50_000
# The thread of the engine, which asks for Python's lock a thousand times while weights are loaded,
# waits so long each time that another one computes; by default fifty times as long.
_SWITCH_AFTER_S = 0.000_1


def main() -> int:
    """Run the command line and return the exit code."""
    gc.set_threshold(_NEW_OBJECTS_BEFORE_GC)
    sys.setswitchinterval(_SWITCH_AFTER_S)
    try:
        if sys.argv[1:2] == [_COMPLETE]:
            from gptoss_cli.cli.completion.answer import answer  # noqa: PLC0415

            return answer(sys.argv[2:])
        from gptoss_cli.cli.app import run_command_line  # noqa: PLC0415 - measured start-up

        code = run_command_line(sys.argv[1:])
    except KeyboardInterrupt:
        code = _INTERRUPTED
    if threading.active_count() > 1:
        # A thread left behind inside a library (an interrupted tokeniser, say) must not meet an
        # interpreter that is being taken down: the exit code would be anybody's guess.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    gc.freeze()  # or the interpreter that ends walks through all objects twice more
    return code


if __name__ == "__main__":
    sys.exit(main())
