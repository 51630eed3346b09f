"""The settings of the Hugging Face hub, by the same variables as every other program that uses it.

Precedence and meaning are those of ``huggingface_hub.constants``; a test compares them. In one
thing this is kinder: a variable that is set to nothing counts as not set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gptoss_cli.models.names import DEFAULT_ENDPOINT
from gptoss_cli.models.settings import HubSettings, clean_token

_TRUE: Final = frozenset(("1", "ON", "YES", "TRUE"))
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{([^}]*)\})", re.ASCII)


def hub_settings(environ: Mapping[str, str], home: str) -> HubSettings:
    """Return what `environ` says about the hub; `home` stands for ~. Nothing is read from disk.

    Understood: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HF_ENDPOINT, HF_TOKEN,
    HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE,
    TRANSFORMERS_OFFLINE and HF_HUB_DISABLE_SYMLINKS.
    """

    def first(*names: str) -> str | None:
        return next((environ[name] for name in names if environ.get(name)), None)

    def path(text: str) -> str:
        return _expand(text, environ, home)

    caches = first("XDG_CACHE_HOME") or str(Path(home, ".cache"))
    hf_home = path(first("HF_HOME") or str(Path(caches, "huggingface")))
    cache = path(first("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") or str(Path(hf_home, "hub")))
    token_path = path(first("HF_TOKEN_PATH") or str(Path(hf_home, "token")))
    token = first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") or ""
    anonymous = _is_true(first("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
    return HubSettings(
        cache_folder=Path(cache),
        endpoint=(first("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/"),
        token=None if anonymous else clean_token(token),
        token_path=None if anonymous else Path(token_path),
        offline=_is_true(first("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")),
        symlinks=not _is_true(first("HF_HUB_DISABLE_SYMLINKS")),
    )


def _is_true(value: str | None) -> bool:
    return (value or "").upper() in _TRUE


def _expand(text: str, environ: Mapping[str, str], home: str) -> str:
    """Return `text` with ~ and $NAME resolved; what has no value stays as it is."""
    if text == "~" or text.startswith(("~/", "~" + os.sep)):
        text = home.rstrip("/") + text[1:]
    elif text.startswith("~"):  # somebody else's home: only the system knows it
        text = os.path.expanduser(text)  # noqa: PTH111 - and pathlib raises when nobody does
    return _VARIABLE.sub(lambda m: environ.get(m[1] or m[2], m[0]), text)
