"""What a program wants of an answer: its code, or its JSON, without the words around it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from gptoss_cli.errors import UnmetFormError
from gptoss_cli.sessions.fences import parts

CODE: Final = "code"
JSON: Final = "json"
# Names that mean the same to those who write them behind a fence.
_ALIKE: Final = (
    frozenset(("sh", "bash", "shell", "zsh", "console")),
    frozenset(("py", "python", "python3")),
    frozenset(("js", "javascript")),
    frozenset(("ts", "typescript")),
    frozenset(("yml", "yaml")),
    frozenset(("c++", "cpp")),
    frozenset(("rs", "rust")),
    frozenset(("rb", "ruby")),
    frozenset(("md", "markdown")),
    frozenset(("golang", "go")),
)


def extracted(answer: str, what: str, *, every: bool = False) -> str:
    """Return the first fenced block of `answer`, or `every` one, each ended by a newline.

    `what` is ``code`` for any block, the name of a language, or ``json``: that is also found
    without a fence. Raises UnmetFormError when there is none.
    """
    name = what.strip().casefold()
    found = _json(answer) if name == JSON else _blocks(answer, name)
    blocks = list(found) if every else [block for block in [next(found, None)] if block is not None]
    if not blocks:
        block = "JSON" if name == JSON else "code block" if name == CODE else f"block of {what}"
        raise UnmetFormError(
            f"the answer has no {block}.", hint="ask for one in the prompt, or leave out --extract"
        )
    return "".join(block if block.endswith("\n") else f"{block}\n" for block in blocks)


def _blocks(answer: str, name: str) -> Iterator[str]:
    wanted = next((alike for alike in _ALIKE if name in alike), frozenset((name,)))
    for part in parts(answer):
        if part.is_code and (name == CODE or part.language.casefold() in wanted):
            yield part.text


def _json(answer: str) -> Iterator[str]:
    fenced = [p.text for p in parts(answer) if p.is_code and _is_json(p.text)]
    yield from fenced or _values(answer)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _values(text: str) -> Iterator[str]:
    """Yield the objects and lists that stand in `text`, or all of it if it is one value."""
    if _is_json(text):
        yield text.strip()
        return
    decoder = json.JSONDecoder()
    start = 0
    while start < len(text):
        if text[start] in "{[":
            try:
                _, end = decoder.raw_decode(text, start)
            except (ValueError, RecursionError):
                pass
            else:
                yield text[start:end]
                start = end
                continue
        start += 1
