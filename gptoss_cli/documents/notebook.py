"""Jupyter notebooks: cells and what they put out, as Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from gptoss_cli.documents.document import fenced
from gptoss_cli.errors import UsageError

_LONGEST_OUTPUT: Final = 4000
_TERMINAL: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LANGUAGE: Final = re.compile(r"[a-z0-9+#-]{1,20}")


def notebook_text(content: str, *, subject: str) -> str:
    """Return the notebook `content` (JSON, version 3 or 4) as Markdown.

    Outputs longer than 4,000 characters are cut, with a note; images are left out, with a note.
    Raises UsageError, which names `subject`, when it is no notebook or has no cells.
    """
    try:
        notebook = json.loads(content)
        parts = list(_parts(notebook))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise UsageError(
            f"{subject} is damaged, or no notebook.", hint="open it in Jupyter and save it again"
        ) from None
    if not parts:
        raise UsageError(f"{subject} is a notebook without cells.", hint="name another file")
    return "\n".join(parts)


def _parts(notebook: Any) -> Iterator[str]:
    language = _language(notebook.get("metadata") or {})
    cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
    for cell in cells:
        source = _joined(cell.get("source", cell.get("input", "")))
        if cell["cell_type"] != "code":
            if source.strip():
                yield f"{source.rstrip()}\n"
            continue
        if source.strip():
            yield fenced(source, language)
        for output in cell.get("outputs") or ():
            text = _output(output)
            if text:
                yield f"Output:\n{fenced(text)}"


def _language(metadata: dict[str, Any]) -> str:
    name = (metadata.get("language_info") or {}).get("name")
    name = name or (metadata.get("kernelspec") or {}).get("language") or "python"
    return name if _LANGUAGE.fullmatch(name) else ""


def _output(output: dict[str, Any]) -> str:
    data = output.get("data") or output
    if "traceback" in output:
        text = "\n".join(output["traceback"])
    else:
        text = _joined(data.get("text/plain", output.get("text", "")))
    text = _TERMINAL.sub("", text).rstrip()
    if len(text) > _LONGEST_OUTPUT:
        left_out = len(text) - _LONGEST_OUTPUT
        text = f"{text[:_LONGEST_OUTPUT]}\n[{left_out:,} more characters are left out]"
    if any(kind.startswith("image/") or kind in {"png", "jpeg", "svg"} for kind in data):
        text = f"{text}\n[an image is left out]".lstrip()
    return text


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)
