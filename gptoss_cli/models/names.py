"""What a person may call a model, read into a value. Pure: nothing is looked up.

::

    demo                                  the model inside the program
    20b  120b  safeguard-20b  …           the catalog; also gpt-oss:20b, openai/gpt-oss-20b
    org/repo                              the best weights of a repository
    org/repo:Q4_K_M                       those of one quantization
    org/repo@revision                     at a branch, tag or commit; with :QUANT too
    org/repo/folder/file.gguf             one file; with @revision too
    https://huggingface.co/org/repo/…     what a browser shows
    ./file.gguf  ~/file.gguf  file.gguf   a path
"""

from __future__ import annotations

import contextlib
import difflib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import unquote, urlsplit

from gptoss_cli.addresses import without_login
from gptoss_cli.errors import UsageError
from gptoss_cli.models.syntax import (
    GGUF,
    file_fault,
    has_invisible,
    is_quantization,
    may_be_quantization,
    repo_id_fault,
    revision_fault,
)

DEMO: Final = "demo"
CATALOG: Final = {
    "20b": "ggml-org/gpt-oss-20b-GGUF",
    "120b": "ggml-org/gpt-oss-120b-GGUF",
    "safeguard-20b": "unsloth/gpt-oss-safeguard-20b-GGUF",
    "safeguard-120b": "unsloth/gpt-oss-safeguard-120b-GGUF",
}
"""Short names and the repositories they stand for."""

DEFAULT_REVISION: Final = "main"
DEFAULT_ENDPOINT: Final = "https://huggingface.co"
_HUB_HOSTS: Final = frozenset(("huggingface.co", "www.huggingface.co", "hf.co"))
_NO_MODELS: Final = frozenset(("datasets", "spaces", "kernels", "buckets", "collections", "api"))
_PAGES: Final = frozenset(("resolve", "blob", "raw", "tree"))
_LONGEST: Final = 2048
_KINDS: Final = "20b, 120b, org/repo on the hub, or the path of a GGUF file"


@dataclass(frozen=True, slots=True)
class Demo:
    """The model inside the program."""


@dataclass(frozen=True, slots=True)
class LocalPath:
    """A file or folder of this machine, as it was written: a leading ~ is not yet resolved."""

    path: Path


@dataclass(frozen=True, slots=True)
class HubModel:
    """Weights in a repository of the hub.

    ``revision`` None means the default branch, ``quantization`` and ``file`` None that they are to
    be chosen (``models.choice``). ``note`` tells a person what was understood, when it is not
    what was written.
    """

    repo_id: str
    revision: str | None = None
    quantization: str | None = None
    file: str | None = None
    note: str = ""

    def __str__(self) -> str:
        """Return the name that, read again, means the same."""
        if self.file and "@" in self.file:
            return f"{self.repo_id}@{self.revision or DEFAULT_REVISION}/{self.file}"
        file = f"/{self.file}" if self.file else ""
        revision = f"@{self.revision}" if self.revision else ""
        quantization = f":{self.quantization}" if self.quantization else ""
        return f"{self.repo_id}{file}{revision}{quantization}"

    @property
    def short(self) -> str:
        """The shortest name that means the same: ``20b`` for its repository."""
        names = [name for name, repo_id in CATALOG.items() if repo_id == self.repo_id]
        text = str(self)
        return names[0] + text[len(self.repo_id) :] if names and not self.file else text


ModelName = Demo | LocalPath | HubModel


def parse(name: str, *, is_path: bool = False, endpoint: str = DEFAULT_ENDPOINT) -> ModelName:
    """Return what `name` means.

    `is_path`: whether something of that name is on this machine; it wins over a repository, not
    over ``demo`` and the catalog's names without a slash, which mean the same in every folder.
    `endpoint`: the hub's address, whose URLs are understood beside huggingface.co's.

    Raises UsageError, with a hint that names the nearest known model.
    """
    if name.casefold() == DEMO:
        return Demo()
    if "/" not in name and (repo_id := _catalog_repo(name)):
        return HubModel(repo_id)
    if is_path:
        return LocalPath(Path(name))
    _check_text(name)
    if url := _as_url(name, endpoint):
        return _parse_url(name, url, endpoint)
    if _looks_like_path(name):
        return LocalPath(Path(name))
    return _parse_hub_name(name, name)


def is_built_in(name: str) -> bool:
    """Return whether `name` is ``demo`` or a catalog's name: no other model can have it."""
    return name.casefold() == DEMO or ("/" not in name and _catalog_repo(name) is not None)


def nearest(name: str) -> str | None:
    """Return the catalog's name that `name` resembles most, if any."""
    spellings = {DEMO: DEMO}
    for short, repo_id in CATALOG.items():
        for spelling in (short, f"gpt-oss-{short}", repo_id, repo_id.partition("/")[2]):
            spellings[spelling.casefold()] = short
    near = difflib.get_close_matches(name[:200].casefold(), spellings, n=1, cutoff=0.6)
    return spellings[near[0]] if near else None


def _catalog_repo(text: str) -> str | None:
    """Return the catalog's repository for one of the usual spellings of its models."""
    key = re.sub(r"[:_]", "-", text.casefold()).removeprefix("openai/").removesuffix("-gguf")
    key = key.removeprefix("gpt-oss-").removeprefix("gptoss-")
    return CATALOG.get(key)


def _check_text(name: str) -> None:
    if not name:
        raise UsageError("the name of the model is empty.", hint=_KINDS)
    if len(name) > _LONGEST:
        raise UsageError("the name of the model is too long.", hint=_KINDS)
    if has_invisible(name):
        _refuse(name, "has control characters or invisible ones in it")


def _looks_like_path(name: str) -> bool:
    if name[0] in "./~\\" or re.match(r"[A-Za-z]:[\\/]", name) or "\\" in name:
        return True
    return name.casefold().endswith(GGUF) and name.count("/") < 2


def _parse_hub_name(name: str, text: str) -> HubModel:
    """Read `text`, the part of `name` that follows the hub's address if it had one."""
    left, at, right = text.partition("@")
    revision = None
    inner = ""  # what follows the revision: a file or a quantization
    if at:
        revision, inner = _split_revision(right)
    repo_id, path, quantization = _split_left(left)
    if inner.startswith(":"):
        if quantization:
            _refuse(name, "names two quantizations")
        quantization = inner[1:]
    elif inner:
        if path:
            _refuse(name, "names two files")
        path = inner[1:]
    if path and quantization is None and is_quantization(path):
        path, quantization = None, path  # a folder of a repository with many
    if path and quantization is not None:
        _refuse(name, "names a file and a quantization; the file says it all")
    return _hub_model(name, repo_id, revision, quantization, path)


def _split_revision(text: str) -> tuple[str, str]:
    """Split what follows the @ into the revision and the rest, which keeps its : or /."""
    if text.casefold().endswith(GGUF):
        # refs/pr/1 and refs/convert/x are revisions of three parts; of others the first part is.
        count = 3 if text.startswith("refs/") else 1
        parts = text.split("/")
        return "/".join(parts[:count]), "".join(f"/{part}" for part in parts[count:])
    revision, colon, quantization = text.partition(":")
    return revision, colon + quantization


def _split_left(text: str) -> tuple[str, str | None, str | None]:
    """Split what stands before the @ into repository, file and quantization."""
    quantization = None
    if not _catalog_repo(text):  # gpt-oss:20b has a colon of its own
        head, colon, tail = text.rpartition(":")
        if colon and "/" not in tail:
            text, quantization = head, tail
    if _catalog_repo(text):
        return text, None, quantization
    parts = text.split("/", 2)
    return "/".join(parts[:2]), parts[2] if len(parts) == 3 else None, quantization


def _hub_model(
    name: str, repo: str, revision: str | None, quantization: str | None, file: str | None
) -> HubModel:
    repo_id = _catalog_repo(repo) or repo
    if "/" not in repo_id:
        _refuse(name, "is the name of no model")
    if fault := repo_id_fault(repo_id):
        _refuse(name, fault)
    if revision is not None and (fault := revision_fault(revision)):
        _refuse(name, f"has a revision that {fault}")
    if quantization is not None and not may_be_quantization(quantization):
        _refuse(name, "has a quantization that is none", hint="such as org/repo:Q4_K_M")
    if file is not None:
        if fault := file_fault(file):
            _refuse(name, f"names a file that {fault}")
        if not file.casefold().endswith(GGUF):
            _refuse(name, "names a file that is no GGUF", hint=f"{repo_id}, or a .gguf file of it")
    note = ""
    if repo.casefold().startswith("openai/") and repo != repo_id:
        note = f"{repo} has no GGUF; its weights as GGUF are those of {repo_id}."
    return HubModel(repo_id, revision, quantization, file, note)


def _as_url(name: str, endpoint: str) -> str | None:
    """Return `name` as a URL if it is one, also without the https:// that browsers hide."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", name):
        return name
    host = name.partition("/")[0].casefold()
    return f"https://{name}" if host in _HUB_HOSTS | {_host(endpoint)} else None


def _host(address: str) -> str:
    """Return the host of an address with its port, if one is written; empty for none."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(address)
        host = parts.hostname or ""
        return f"{host}:{parts.port}" if parts.port else host
    return ""


def _parse_url(name: str, url: str, endpoint: str) -> HubModel:
    scheme, _, rest = url.partition("://")
    if scheme.casefold() == "hf":
        return _parse_hub_name(name, rest.removeprefix("models/"))
    if scheme.casefold() not in {"http", "https"} or _host(url) not in _HUB_HOSTS | {
        _host(endpoint)
    }:
        _refuse(
            name,
            "is no address of the Hugging Face hub",
            hint="huggingface.co/org/repo; another hub's address goes into HF_ENDPOINT",
        )
    # Decoded part by part: a %2F inside one must not become a boundary before this split.
    parts = [unquote(part) for part in urlsplit(url).path.strip("/").split("/")]
    if has_invisible("".join(parts)):
        _refuse(name, "has control characters or invisible ones in it")
    if parts[0] in _NO_MODELS:
        _refuse(name, "is the address of something that is no model")
    if len(parts) < 4 or parts[2] not in _PAGES:
        return _parse_hub_name(name, "/".join(parts))
    found = _hub_model(name, "/".join(parts[:2]), None, None, None)
    revision, path = _split_page(parts[3:])
    if fault := revision_fault(revision):
        _refuse(name, f"has a revision that {fault}")
    if revision != DEFAULT_REVISION:
        found = replace(found, revision=revision)
    if parts[2] == "tree":
        folder = path.rpartition("/")[2]
        return replace(found, quantization=folder) if is_quantization(folder) else found
    return _hub_model(name, found.repo_id, found.revision, None, path)


def _split_page(parts: list[str]) -> tuple[str, str]:
    count = 3 if parts[0] == "refs" else 1
    return "/".join(parts[:count]), "/".join(parts[count:])


def _refuse(name: str, fault: str, hint: str = "") -> NoReturn:
    shown = without_login(name)
    shown = shown if len(shown) <= 80 else shown[:79] + "…"
    near = nearest(name)
    meant = f"did you mean {near}?" if near else f"a model is {_KINDS}"
    raise UsageError(f"{shown!r} {fault}.", hint=hint or meant)
