"""Repositories of the fake hub: files, commits and the JSON the API shows of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Content = bytes | Path
LFS_SUFFIXES = (".gguf", ".bin", ".safetensors", ".pt", ".onnx")


@dataclass
class StoredFile:
    """A file of a repository, with the names that git and LFS have for it."""

    path: str
    content: Content
    size: int = 0
    sha256: str = ""
    blob_id: str = ""
    lfs: bool = False

    def __post_init__(self) -> None:
        sha256 = hashlib.sha256()
        for chunk in self.chunks():
            sha256.update(chunk)
            self.size += len(chunk)
        self.sha256 = sha256.hexdigest()
        self.lfs = self.path.endswith(LFS_SUFFIXES)
        git = hashlib.sha1(b"blob %d\0" % (len(self.pointer) if self.lfs else self.size))
        for chunk in [self.pointer] if self.lfs else self.chunks():
            git.update(chunk)
        self.blob_id = git.hexdigest()

    @property
    def pointer(self) -> bytes:
        """What git has in place of a large file."""
        version = "version https://git-lfs.github.com/spec/v1"
        return f"{version}\noid sha256:{self.sha256}\nsize {self.size}\n".encode()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.blob_id

    def chunks(self) -> Iterable[bytes]:
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self.content.open("rb") as file:
            while chunk := file.read(1 << 20):
                yield chunk

    def in_model_info(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"rfilename": self.path, "size": self.size, "blobId": self.blob_id}
        if self.lfs:
            size = len(self.pointer)
            entry["lfs"] = {"sha256": self.sha256, "size": self.size, "pointerSize": size}
        return entry

    def in_tree(self) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "type": "file",
            "oid": self.blob_id,
            "size": self.size,
            "path": self.path,
        }
        if self.lfs:
            size = len(self.pointer)
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": size}
        return entry


@dataclass
class Repository:
    """Commits by hash, and the branches and tags that name them."""

    repo_id: str
    commits: dict[str, dict[str, StoredFile]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    token: str | None = None
    gated: bool = False

    def commit(self, revision: str, files: Mapping[str, Content]) -> str:
        stored = {path: StoredFile(path, content) for path, content in sorted(files.items())}
        names = "".join(f"{path} {file.etag}\n" for path, file in stored.items())
        by_hash = re.fullmatch("[0-9a-f]{40}", revision) is not None
        text = f"{self.repo_id}\n{len(self.commits)}\n{names}"
        sha = revision if by_hash else hashlib.sha1(text.encode()).hexdigest()
        self.commits[sha] = stored
        if not by_hash:
            self.refs[revision] = sha
        return sha

    def find(self, revision: str) -> str | None:
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else None

    def info(self, sha: str, *, blobs: bool) -> dict[str, Any]:
        files = self.commits[sha].values()
        return {
            "_id": hashlib.sha1(self.repo_id.encode()).hexdigest()[:24],
            "id": self.repo_id,
            "modelId": self.repo_id,
            "author": self.repo_id.partition("/")[0],
            "sha": sha,
            "private": self.token is not None and not self.gated,
            "gated": "manual" if self.gated else False,
            "disabled": False,
            "createdAt": "2025-08-05T15:00:00.000Z",
            "lastModified": "2025-08-06T16:00:00.000Z",
            "downloads": 0,
            "likes": 0,
            "tags": ["gguf"],
            "usedStorage": sum(file.size for file in files),
            "siblings": [f.in_model_info() if blobs else {"rfilename": f.path} for f in files],
        } | self.details


def tree(files: dict[str, StoredFile], folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    """Return the entries below `folder`, folders first, as the tree API lists them."""
    prefix = folder.strip("/") + "/" if folder.strip("/") else ""
    folders: set[str] = set()
    listed = []
    for path, file in files.items():
        if not path.startswith(prefix):
            continue
        below = path[len(prefix) :].split("/")
        depths = range(1, len(below)) if recursive else range(1, min(2, len(below)))
        folders |= {prefix + "/".join(below[:depth]) for depth in depths}
        if recursive or len(below) == 1:
            listed.append(file.in_tree())
    directories = [
        {
            "type": "directory",
            "oid": hashlib.sha1(name.encode()).hexdigest(),
            "size": 0,
            "path": name,
        }
        for name in sorted(folders)
    ]
    return directories + listed
