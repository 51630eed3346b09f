"""A Hugging Face hub on this machine, for tests: it speaks HTTP as the real one does, and can fail.

Two servers run, each with a port of its own: the hub (API and resolve addresses) and the storage
that large files are redirected to. A large file ("LFS") is named by its sha256; a small one by its
git blob id, and is served by the hub itself after a redirect within the host. Like the real
storage, this one refuses a request that carries an Authorization header beside the signed address.

    with FakeHub({"org/model": {"main": {"model.gguf": b"..."}}}) as hub:
        hub.fail("model.gguf", Fault(cut_at=1000), times=1, where="storage")
        ... HfApi(endpoint=hub.endpoint) ...
        hub.requests  # what was asked, in order

As a program it serves a folder until Ctrl-C: python -m tests.support.hub org/model FOLDER
"""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

from tests.support.hub.faults import (
    FINE,
    GATED,
    LOGGED_OUT,
    LOOP,
    NO_ENTRY,
    NO_REPOSITORY,
    NO_REVISION,
    Fault,
    Request,
    Where,
)
from tests.support.hub.repositories import Content, Repository, StoredFile
from tests.support.hub.serving import Server

__all__ = [
    "GATED",
    "LOGGED_OUT",
    "LOOP",
    "NO_ENTRY",
    "NO_REPOSITORY",
    "NO_REVISION",
    "FakeHub",
    "Fault",
    "Request",
    "StoredFile",
]


@dataclass
class _Planned:
    pattern: str
    fault: Fault
    where: Where | None
    methods: tuple[str, ...]
    skip: int
    times: int | None


class FakeHub:
    """The hub and its storage, on loopback, from `with` to its end.

    `page_size` is how many entries of a listing one answer holds; `bytes_per_s` slows each
    connection down to that speed.
    """

    def __init__(
        self,
        repositories: Mapping[str, Mapping[str, Mapping[str, Content]]] | None = None,
        *,
        page_size: int = 1000,
        bytes_per_s: float | None = None,
    ) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Request] = []
        self.tokens: set[str] = set()
        self.page_size = page_size
        self.bytes_per_s = bytes_per_s
        self.stopping = threading.Event()
        self.defects: list[str] = []
        self._planned: list[_Planned] = []
        self._lock = threading.Lock()
        self._servers: dict[Where, Server] = {}
        for repo_id, revisions in (repositories or {}).items():
            for revision, files in revisions.items():
                self.add(repo_id, files, revision=revision)

    def __enter__(self) -> Self:
        self._servers = {"hub": Server(self, "hub"), "storage": Server(self, "storage")}
        for server in self._servers.values():
            server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for server in self._servers.values():
            server.stop()
        assert not self.defects, self.defects[0]

    def address(self, where: Where) -> str:
        return f"http://127.0.0.1:{self._servers[where].server_port}"

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT would be."""
        return self.address("hub")

    def add(
        self,
        repo_id: str,
        files: Mapping[str, Content],
        *,
        revision: str = "main",
        token: str | None = None,
        gated: bool = False,
        **details: Any,
    ) -> str:
        """Commit `files` and return the commit's hash.

        With a `token` only who sends it may read; `gated` repositories can be listed by all.
        `details` are put into the model's description (downloads, likes, tags, gguf, ...).
        """
        repository = self.repositories.setdefault(repo_id, Repository(repo_id))
        if token is not None:
            repository.token = token
            self.tokens.add(token)
        repository.gated |= gated
        repository.details |= details
        return repository.commit(revision, files)

    def file(self, repo_id: str, path: str, revision: str = "main") -> StoredFile:
        repository = self.repositories[repo_id]
        return repository.commits[repository.find(revision) or ""][path]

    def url(self, repo_id: str, path: str, revision: str = "main") -> str:
        return f"{self.endpoint}/{repo_id}/resolve/{quote(revision, safe='')}/{quote(path)}"

    def fail(
        self,
        pattern: str,
        fault: Fault,
        *,
        times: int | None = None,
        skip: int = 0,
        where: Where | None = None,
        methods: tuple[str, ...] = ("GET", "POST", "HEAD"),
    ) -> None:
        """Let `fault` happen to requests for `pattern`, after the first `skip`, `times` times.

        `pattern` matches the path within the repository for files, the whole path for the API.
        What was asked for last is tried first.
        """
        with self._lock:
            self._planned.insert(0, _Planned(pattern, fault, where, methods, skip, times))

    def heal(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._planned.clear()

    def sent(self, where: Where | None = None) -> int:
        """Bytes of bodies that were sent."""
        return sum(r.sent_bytes for r in self.requests if where in (None, r.where))

    def fault_for(self, request: Request, name: str, *, redirects: bool = False) -> Fault:
        """Return what goes wrong with this response, and count it."""
        with self._lock:
            for planned in self._planned:
                if not fnmatch.fnmatchcase(name, planned.pattern) or planned.times == 0:
                    continue
                if redirects and planned.fault.spares_redirects:
                    continue
                if request.method not in planned.methods:
                    continue
                if planned.where not in (None, request.where):
                    continue
                if planned.skip:
                    planned.skip -= 1
                    continue
                if planned.times is not None:
                    planned.times -= 1
                return planned.fault
        return FINE
