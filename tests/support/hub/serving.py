"""The two servers of the fake hub: API with resolve addresses, and storage."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.support.hub.faults import (
    BAD_TOKEN,
    FINE,
    GATED,
    LOGGED_OUT,
    NO_ENTRY,
    NO_REPOSITORY,
    NO_REVISION,
    Fault,
    Request,
    Where,
)
from tests.support.hub.repositories import Repository, StoredFile, tree

if TYPE_CHECKING:
    from tests.support.hub import FakeHub

PIECE_BYTES = 64 << 10


class Server(ThreadingHTTPServer):
    daemon_threads = False  # joined at the end, so that nothing outlives a test
    request_queue_size = 64

    def __init__(self, hub: FakeHub, where: Where) -> None:
        super().__init__(("127.0.0.1", 0), _Hub if where == "hub" else _Storage)
        self.hub = hub
        self.where: Where = where
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name=where)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        for connection in list(self._connections):
            _hang_up(connection)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # a client that went away is no defect
            self.hub.defects.append(traceback.format_exc())


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self.hub = self.server.hub

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        pass

    def begin(self) -> list[str]:
        """Note the request; return the parts of its path, unquoted."""
        split = urlsplit(self.path)
        self.asked = Request(
            where=self.server.where,
            method=self.command,
            path=split.path,
            query=parse_qs(split.query),
            headers={name.lower(): value for name, value in self.headers.items()},
        )
        self.hub.requests.append(self.asked)
        return [unquote(part) for part in split.path.strip("/").split("/")]

    def head(self, status: int, headers: Mapping[str, str | int | None]) -> None:
        self.asked.status = status
        self.send_response(status)
        self.send_header("X-Request-Id", f"Root=1-{len(self.hub.requests):08x}")
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()

    def answer(
        self, status: int, body: bytes, content_type: str, **headers: str | int | None
    ) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.head(status, {"Content-Type": content_type, "Content-Length": len(body), **named})
        if self.command != "HEAD":
            self.wfile.write(body)
            self.asked.sent_bytes += len(body)

    def refuse(self, fault: Fault, commit: str | None = None) -> None:
        message = fault.error_message or "the hub is not well"
        self.answer(
            fault.status or 500,
            json.dumps({"error": message}).encode(),
            "application/json; charset=utf-8",
            X_Error_Code=fault.error_code or None,
            X_Error_Message=message,
            Retry_After=fault.retry_after,
            X_Repo_Commit=commit,
        )

    def redirect(self, location: str, status: int = 302, **headers: str | int | None) -> None:
        text = b"Found. Redirecting."
        self.answer(status, text, "text/plain; charset=utf-8", Location=location, **headers)

    def send_file(self, file: StoredFile, fault: Fault, **headers: str | int | None) -> None:
        """Answer with the file or the range asked for, as `fault` has it."""
        start, end = 0, file.size
        asked = None if fault.no_ranges else self.asked.range
        named: dict[str, str | int | None] = {"Content-Type": "application/octet-stream"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        if fault.no_ranges:
            named["Accept-Ranges"] = "none"
        if asked is not None:
            start = asked[0]
            end = min(file.size, file.size if asked[1] is None else asked[1] + 1)
            if start >= end:
                self.head(416, {"Content-Range": f"bytes */{file.size}", "Content-Length": 0})
                return
            named["Content-Range"] = fault.content_range or f"bytes {start}-{end - 1}/{file.size}"
        end -= fault.shorter_by
        length = end - start + fault.longer_by
        framing = {"Transfer-Encoding": "chunked"} if fault.chunked else {"Content-Length": length}
        self.head(206 if asked is not None else 200, named | framing)
        if self.command != "HEAD":
            self._send_body(file, start, end, fault)

    def _send_body(self, file: StoredFile, start: int, end: int, fault: Fault) -> None:
        if isinstance(file.content, Path) and fault == FINE and not self.hub.bytes_per_s:
            with file.content.open("rb") as content:  # as fast as a real server would
                self.asked.sent_bytes += self.connection.sendfile(content, start, end - start)
            return
        began, sent = time.monotonic(), 0
        for piece in _pieces(file, start, end, fault):
            limits = [at for at in (fault.cut_at, fault.stall_at) if at is not None]
            part = piece[: max(0, min(limits) - sent)] if limits else piece
            self._send_piece(part, chunked=fault.chunked)
            sent += len(part)
            if len(part) < len(piece):
                if fault.stall_at is not None:
                    self.hub.stopping.wait(60)
                # Closed at once: what was promised never comes.
                self.close_connection = True
                _hang_up(self.connection)
                return
            if self.hub.bytes_per_s:
                pause = began + sent / self.hub.bytes_per_s - time.monotonic()
                self.hub.stopping.wait(max(0, pause))
        if fault.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _send_piece(self, piece: bytes, *, chunked: bool) -> None:
        if not piece:
            return
        self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        self.asked.sent_bytes += len(piece)


def _pieces(file: StoredFile, start: int, end: int, fault: Fault) -> Iterable[bytes]:
    content: BinaryIO = (
        file.content.open("rb") if isinstance(file.content, Path) else io.BytesIO(file.content)
    )
    with content:
        content.seek(start)
        for at in range(start, end, PIECE_BYTES):
            stop = min(at + PIECE_BYTES, end)
            piece = content.read(stop - at)
            if fault.flip_at is not None and at <= fault.flip_at < stop:
                i = fault.flip_at - at
                piece = piece[:i] + bytes([piece[i] ^ 0xFF]) + piece[i + 1 :]
            yield piece
    if fault.longer_by:
        yield b"?" * fault.longer_by


class _Storage(_Handler):
    """Serves /{sha256}/{path}?Signature=..., the address a redirect of the hub gives."""

    def do_GET(self) -> None:
        sha256, *rest = self.begin()
        path = "/".join(rest)
        if "authorization" in self.asked.headers or "Signature" not in self.asked.query:
            self.refuse(Fault(status=400, error_message="Only one auth mechanism allowed"))
            return
        fault = self.hub.fault_for(self.asked, path)
        if fault.status is not None:
            self.refuse(fault)
        elif fault.redirect_to is not None:
            self.redirect(fault.redirect_to or self.path)
        else:
            file = self._find(sha256, path)
            if file is None:
                self.refuse(Fault(status=403, error_message="AccessDenied"))
                return
            etag = fault.etag or hashlib.sha1(sha256.encode()).hexdigest()
            self.send_file(file, fault, ETag=f'"{etag}"', Accept_Ranges="bytes")

    do_HEAD = do_GET  # noqa: N815

    def _find(self, sha256: str, path: str) -> StoredFile | None:
        for repository in self.hub.repositories.values():
            for files in repository.commits.values():
                if path in files and files[path].sha256 == sha256:
                    return files[path]
        return None


class _Hub(_Handler):
    """API and resolve addresses."""

    def do_GET(self) -> None:
        parts = self.begin()
        if (token := self._token()) is not None and token not in self.hub.tokens:
            self.refuse(BAD_TOKEN)
            return
        match parts:
            case ["api", "models"]:
                self._search()
            case ["api", "whoami-v2"]:
                self._whoami(token)
            case ["api", "models", org, name, *rest]:
                self._api(f"{org}/{name}", rest)
            case ["api", "resolve-cache", "models", org, name, sha, *path]:
                self._cached(f"{org}/{name}", sha, "/".join(path))
            case [org, name, "resolve", revision, *path]:
                self._resolve(f"{org}/{name}", revision, "/".join(path))
            case _:
                self.refuse(NO_REPOSITORY)

    do_HEAD = do_GET  # noqa: N815
    do_POST = do_GET  # noqa: N815

    def _token(self) -> str | None:
        scheme, _, token = self.asked.headers.get("authorization", "").partition(" ")
        return token if scheme == "Bearer" and token else None

    def _open(self, repo_id: str, *, files: bool) -> Repository | None:
        """Return the repository if it may be read; otherwise the refusal has been sent."""
        repository = self.hub.repositories.get(repo_id)
        hidden = repository is None or (
            repository.token not in (None, self._token()) and not repository.gated
        )
        if hidden:
            self.refuse(LOGGED_OUT if self._token() is None else NO_REPOSITORY)
            return None
        assert repository is not None
        if files and repository.gated and repository.token != self._token():
            self.refuse(GATED)
            return None
        return repository

    def _planned(self, name: str, *, redirects: bool = False) -> Fault | None:
        """Return what goes wrong; None when an error or a redirect has been sent for it."""
        fault = self.hub.fault_for(self.asked, name, redirects=redirects)
        if fault.status is not None:
            self.refuse(fault)
            return None
        if fault.redirect_to is not None:
            self.redirect(fault.redirect_to or self.path)
            return None
        return fault

    def _json(self, value: object, **headers: str | int | None) -> None:
        body = json.dumps(value).encode()
        self.answer(200, body, "application/json; charset=utf-8", **headers)

    def _page(self, entries: list[dict[str, Any]], size: int) -> None:
        """Answer with one page of a listing; the address of the next is in the Link header."""
        first = int(self.asked.query.get("cursor", ["0"])[0])
        last = first + size
        link = None
        if last < len(entries):
            kept = [(k, v) for k, values in self.asked.query.items() for v in values]
            query = "&".join(f"{quote(k)}={quote(v)}" for k, v in kept if k != "cursor")
            link = f'<{self.hub.endpoint}{self.asked.path}?{query}&cursor={last}>; rel="next"'
        self._json(entries[first:last], Link=link)

    def _search(self) -> None:
        if self._planned(self.asked.path) is None:
            return
        words = self.asked.query.get("search", [""])[0].lower().split()
        found = [
            repository.info(next(iter(repository.refs.values())), blobs=False)
            for repository in self.hub.repositories.values()
            if repository.refs
            and (repository.token in (None, self._token()) or repository.gated)
            and all(word in repository.repo_id.lower() for word in words)
        ]
        size = int(self.asked.query.get("limit", [self.hub.page_size])[0])
        self._page(sorted(found, key=lambda info: -info["downloads"]), size)

    def _whoami(self, token: str | None) -> None:
        if token is None:
            self.refuse(LOGGED_OUT)
        else:
            self._json({"type": "user", "name": "somebody", "auth": {"type": "access_token"}})

    def _api(self, repo_id: str, rest: list[str]) -> None:
        if self._planned(self.asked.path) is None:
            return
        repository = self._open(repo_id, files=False)
        if repository is None:
            return
        if rest == ["refs"]:
            refs = repository.refs.items()
            branches = [
                {"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha}
                for name, sha in refs
            ]
            self._json({"branches": branches, "converts": [], "tags": []})
            return
        revision = rest[1] if len(rest) > 1 else "main"
        sha = repository.find(revision)
        if sha is None:
            self.refuse(NO_REVISION)
            return
        match rest:
            case [] | ["revision", _]:
                blobs = self.asked.query.get("blobs", ["false"])[0].lower() in ("true", "1")
                self._json(repository.info(sha, blobs=blobs))
            case ["tree", _, *path]:
                self._tree(repository, sha, "/".join(path))
            case ["paths-info", _]:
                self._paths_info(repository.commits[sha])
            case _:
                self.refuse(NO_REPOSITORY)

    def _tree(self, repository: Repository, sha: str, folder: str) -> None:
        recursive = self.asked.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        entries = tree(repository.commits[sha], folder, recursive=recursive)
        if folder and not entries:
            self.refuse(NO_ENTRY, commit=sha)
        else:
            self._page(entries, self.hub.page_size)

    def _paths_info(self, files: dict[str, StoredFile]) -> None:
        body = self.rfile.read(int(self.asked.headers.get("content-length", 0))).decode()
        if "json" in self.asked.headers.get("content-type", ""):
            paths = json.loads(body)["paths"]
        else:
            paths = parse_qs(body).get("paths", [])
        everything = {entry["path"]: entry for entry in tree(files, "", recursive=True)}
        self._json([everything[path] for path in paths if path in everything])

    def _resolve(self, repo_id: str, revision: str, path: str) -> None:
        fault = self._planned(path, redirects=True)
        if fault is None:
            return
        repository = self._open(repo_id, files=True)
        if repository is None:
            return
        sha = repository.find(revision)
        if sha is None:
            self.refuse(NO_REVISION)
            return
        file = repository.commits[sha].get(path)
        if file is None:
            self.refuse(NO_ENTRY, commit=sha)
            return
        if file.lfs:
            signature = f"Expires=9999999999&Signature={len(self.hub.requests):x}"
            location = f"{self.hub.address('storage')}/{file.sha256}/{quote(path)}?{signature}"
        else:
            location = f"/api/resolve-cache/models/{repo_id}/{sha}/{quote(path)}"
        self.redirect(
            location,
            302 if file.lfs else 307,
            X_Repo_Commit=sha,
            X_Linked_Etag=f'"{fault.etag or file.etag}"',
            X_Linked_Size=file.size,
        )

    def _cached(self, repo_id: str, sha: str, path: str) -> None:
        fault = self._planned(path)
        if fault is None:
            return
        repository = self._open(repo_id, files=True)
        if repository is not None:
            file = repository.commits[sha][path]
            etag = f'"{fault.etag or file.etag}"'
            self.send_file(file, fault, ETag=etag, X_Repo_Commit=sha, Accept_Ranges="bytes")
