"""The home of huggingface_hub: what the hub says about repositories, and its errors in our words.

Importing it costs a fifth of a second; who needs it imports this module then. Endpoint and token
are given to it outright. What the hub answers is not trusted: names and hashes are checked here or
where they become paths, and none of its sentences reach a person.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
import huggingface_hub
from huggingface_hub import constants, get_session, hf_raise_for_status
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import ModelInfo, RepoSibling
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from gptoss_cli import __version__
from gptoss_cli.errors import DownloadError, GptossError
from gptoss_cli.models.choice import RepoFile
from gptoss_cli.models.hub.errors import asked_wait_s, offline, translated
from gptoss_cli.models.names import DEFAULT_REVISION, HubModel, nearest
from gptoss_cli.models.settings import HubSettings, clean_token
from gptoss_cli.models.syntax import GGUF, is_commit, is_sha256, repo_id_fault
from gptoss_cli.models.transfer.remote import RemoteFile

TIMEOUT_S: Final = 10.0
LONGEST_WAIT_S: Final = 60.0
_PAUSES_S: Final = (0.5, 1.0, 2.0)
_PASSING: Final = frozenset((408, 429, 500, 502, 503, 504))
_MOST_REDIRECTS: Final = 5
_MOST_FOUND: Final = 100
_ARCHITECTURE: Final = "gpt-oss"

T = TypeVar("T")

# It would tell the hub which programs are installed and ask it, once a day, for a list of others.
constants.HF_HUB_DISABLE_TELEMETRY = True
# It would print sentences of the server.
logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at one commit.

    ``revision`` is the branch, tag or commit that was asked for; ``gated`` says that the files
    (not this list of them) need an agreement with the authors; ``modified`` is a day, YYYY-MM-DD.
    """

    repo_id: str
    revision: str
    commit: str
    files: tuple[RepoFile, ...]
    gated: bool = False
    license: str | None = None
    modified: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A repository that a search found."""

    repo_id: str
    downloads: int
    likes: int
    gated: bool
    modified: str | None


def repository(model: HubModel, settings: HubSettings) -> Repository:
    """Return what the hub says about the repository of `model` at its revision.

    Raises RefusedError (no such repository or revision, no access), DownloadError (the hub cannot
    be reached or is out of order, or nothing may be asked of the network) or UsageError.
    """
    token = _begin(settings)
    api = huggingface_hub.HfApi(
        settings.endpoint, token=token or False, library_name="gptoss", library_version=__version__
    )

    def ask() -> ModelInfo:
        return api.model_info(
            model.repo_id, revision=model.revision, files_metadata=True, timeout=TIMEOUT_S
        )

    def near() -> list[str]:
        return _near(model, settings)

    with translated(settings, model, has_token=token is not None, near=near):
        return _repository(model, _retried(ask))


def search(words: str, settings: HubSettings, *, limit: int = 20) -> tuple[Found, ...]:
    """Return at most `limit` GGUF repositories of gpt-oss models that match `words`.

    The most downloaded come first. Raises as ``repository`` does.
    """
    token = _begin(settings)
    with translated(settings, None, has_token=token is not None):
        return _search(words, settings, token)[:limit]


def remote_file(repository: Repository, file: RepoFile, settings: HubSettings) -> RemoteFile:
    """Return where `file` of `repository` is fetched from: by commit, so that it cannot change."""
    url = f"{settings.endpoint}/{repository.repo_id}/resolve/{repository.commit}/{quote(file.path)}"
    return RemoteFile(url, file.size_bytes, file.etag, file.sha256)


def headers_for(token: str | None) -> dict[str, str]:
    """Return the headers that the hub expects of this program."""
    headers: dict[str, str] = build_hf_headers(
        token=token or False, library_name="gptoss", library_version=__version__
    )
    return headers


def token_of(settings: HubSettings) -> str | None:
    """Return the token to send: the one given, else that of who is logged in, else None.

    Raises DownloadError when there is one that cannot be used.
    """
    token, source = settings.token, "HF_TOKEN"
    if token is None and settings.token_path is not None:
        source = str(settings.token_path)
        try:
            token = _stored_token(settings.token_path)
        except Exception as error:  # of files, logins and identity providers alike
            raise DownloadError(
                f"the token of the hub cannot be read: {type(error).__name__}: {source}.",
                hint="hf auth login",
            ) from error
    if token is not None and not (token.isascii() and token.isprintable()):
        raise DownloadError(
            f"{source} holds characters that no token of the hub has.", hint=settings.login_hint
        )
    return token


def _stored_token(path: Path) -> str | None:
    if path == Path(constants.HF_TOKEN_PATH):
        return huggingface_hub.get_token()  # renews a login that is about to expire
    try:
        return clean_token(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _begin(settings: HubSettings) -> str | None:
    """Make ready to ask the hub; return the token."""
    if settings.offline:
        raise offline()
    settings.require_address()
    _use_client(is_https=urlsplit(settings.endpoint).scheme == "https")
    return token_of(settings)


@functools.lru_cache(maxsize=1)  # as long as nothing changes, connections stay open
def _use_client(*, is_https: bool) -> None:
    """Let huggingface_hub speak through a client with our limits."""
    huggingface_hub.set_client_factory(
        lambda: httpx2.Client(
            event_hooks={"request": [https_only] if is_https else []},
            follow_redirects=True,
            max_redirects=_MOST_REDIRECTS,
            timeout=TIMEOUT_S,
        )
    )


def https_only(request: httpx2.Request) -> None:
    """Refuse a request that a redirect would send without encryption."""
    if request.url.scheme != "https":
        raise DownloadError(
            "the hub sent this on to an address without https.", hint="check HF_ENDPOINT"
        )


def _search(words: str, settings: HubSettings, token: str | None) -> tuple[Found, ...]:
    params: dict[str, str | int | list[str]] = {
        "search": words.strip() or _ARCHITECTURE,
        "filter": "gguf",
        "sort": "downloads",
        "limit": _MOST_FOUND,
        "expand": ["downloads", "likes", "gated", "lastModified", "gguf"],
    }
    headers = headers_for(token)

    def ask() -> Any:
        response = get_session().get(
            f"{settings.endpoint}/api/models", params=params, headers=headers, timeout=TIMEOUT_S
        )
        hf_raise_for_status(response)
        return response.json()

    answer = _retried(ask)
    if not isinstance(answer, list):
        raise TypeError
    found = [_found(entry) for entry in answer if _is_gpt_oss(entry)]
    return tuple(sorted(found, key=lambda result: -result.downloads))


def _is_gpt_oss(entry: Any) -> bool:
    """Return whether the hub's `entry` is a gpt-oss model: it says so, or its name does."""
    if repo_id_fault(entry["id"]):
        return False
    header = entry.get("gguf")
    architecture = header.get("architecture") if isinstance(header, dict) else None
    if architecture is None:
        return _ARCHITECTURE in entry["id"].casefold().replace("_", "-")
    return bool(architecture == _ARCHITECTURE)


def _found(entry: Any) -> Found:
    return Found(
        entry["id"],
        int(entry.get("downloads") or 0),
        int(entry.get("likes") or 0),
        bool(entry.get("gated")),
        str(entry["lastModified"])[:10] if entry.get("lastModified") else None,
    )


def _repository(model: HubModel, info: ModelInfo) -> Repository:
    if info.siblings is None or info.sha is None or not is_commit(info.sha):
        raise TypeError
    # The hub takes a name in any case; one spelling means one copy on the disk.
    same = info.id.casefold() == model.repo_id.casefold()
    files = (_file(sibling) for sibling in info.siblings)
    return Repository(
        info.id if same else model.repo_id,
        model.revision or DEFAULT_REVISION,
        info.sha,
        tuple(file for file in files if file is not None),
        gated=bool(info.gated),
        license=_license(info),
        modified=info.last_modified.date().isoformat() if info.last_modified else None,
    )


def _file(sibling: RepoSibling) -> RepoFile | None:
    """Return a file as this program knows it; None if it is of no use for want of a size."""
    path, blob_id = sibling.rfilename, sibling.blob_id or ""
    size = sibling.lfs.size if sibling.lfs else sibling.size
    if not isinstance(path, str) or not isinstance(blob_id, str):
        raise TypeError
    if not isinstance(size, int) or size < 0:
        if path.casefold().endswith(GGUF):
            raise TypeError
        return None
    sha256 = sibling.lfs.sha256.lower() if sibling.lfs else ""
    known = sha256 if is_sha256(sha256) else None
    return RepoFile(path, size, known, known or blob_id)


def _license(info: ModelInfo) -> str | None:
    told = [tag.removeprefix("license:") for tag in info.tags or [] if tag.startswith("license:")]
    return told[0][:100] if told else None


def _retried(ask: Callable[[], T]) -> T:
    """Return what `ask` returns; what is known to pass is asked again, after a while."""
    for attempt, pause_s in enumerate(_PAUSES_S):
        try:
            return ask()
        except (HfHubHTTPError, httpx2.TransportError) as error:
            wait_s = _wait_s(error, attempt, pause_s)
            if wait_s is None:
                raise
        time.sleep(wait_s)
    return ask()


def _wait_s(error: Exception, attempt: int, pause_s: float) -> float | None:
    """Return how long to wait before asking again, in seconds, or None to give up."""
    if isinstance(error, HfHubHTTPError):
        if error.response.status_code not in _PASSING:
            return None
        wait_s = max(pause_s, asked_wait_s(error))
        return wait_s if wait_s <= LONGEST_WAIT_S else None
    if isinstance(error, httpx2.TimeoutException):
        return pause_s if attempt == 0 else None
    return None if isinstance(error, httpx2.ConnectError) else pause_s


def _near(model: HubModel, settings: HubSettings) -> list[str]:
    """Return the names of at most three repositories like the one that does not exist."""
    name = model.repo_id.partition("/")[2]
    with contextlib.suppress(GptossError):
        for words in (name, _ARCHITECTURE):
            ids = [found.repo_id for found in search(words, settings, limit=_MOST_FOUND)]
            others = [repo_id for repo_id in ids if repo_id.casefold() != model.repo_id.casefold()]
            if near := difflib.get_close_matches(model.repo_id, others, n=3, cutoff=0.6):
                return [HubModel(repo_id).short for repo_id in near]
    short = nearest(model.repo_id)
    return [short] if short else []
