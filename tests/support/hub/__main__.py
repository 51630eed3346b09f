"""Serve a folder as a repository of a hub."""

from __future__ import annotations

import contextlib
import sys
import threading
from pathlib import Path

from tests.support.hub import FakeHub


def main(repo_id: str, folder: str) -> None:
    """Serve the files of `folder` as `repo_id`, print the endpoint, stay until Ctrl-C."""
    root = Path(folder)
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    with FakeHub({repo_id: {"main": files}}) as hub:
        print(f"export HF_ENDPOINT={hub.endpoint}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
