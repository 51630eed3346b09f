"""From the name of a model to its file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gptoss_cli.errors import NoModelError

DEMO: Final = "demo"
_DEMO_FILE: Final = Path(__file__).with_name("demo.gguf")
DOWNLOAD_COMMAND: Final = "hf download ggml-org/gpt-oss-20b-GGUF --local-dir models"


def resolve(name: str | None) -> Path:
    """Return the path of the model called `name`: ``demo``, or the path of a GGUF file.

    Raises NoModelError when no model is named.
    """
    if name == DEMO:
        return _DEMO_FILE
    if name:
        try:
            return Path(name).expanduser()
        except RuntimeError:  # ~somebody that is nobody
            return Path(name)
    raise NoModelError(
        "no model is named, and none is installed.",
        hint=f"gptoss run -m demo hi; or {DOWNLOAD_COMMAND} and -m models/FILE.gguf",
    )
