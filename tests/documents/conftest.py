"""What tests of documents share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gptoss_cli.documents.document import Document
from gptoss_cli.documents.reading import read
from gptoss_cli.errors import GptossError
from tests.documents.pages import Pages


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    """A web server on this machine; no proxy stands before it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Pages() as served:
        yield served


@pytest.fixture
def reads(tmp_path: Path) -> Callable[..., Document]:
    """Read one document below the test's folder, which a test may write first."""

    def read_one(name: str, content: bytes | str | None = None) -> Document:
        if content is not None:
            raw = content.encode() if isinstance(content, str) else content
            (tmp_path / name).write_bytes(raw)
        (document,) = read([name], base=tmp_path)
        return document

    return read_one


@pytest.fixture
def refused(reads: Callable[..., Document]) -> Callable[..., str]:
    """Read one document that cannot be read; return what a person is told, hint and all."""

    def read_none(name: str, content: bytes | str | None = None) -> str:
        with pytest.raises(GptossError) as caught:
            reads(name, content)
        return f"{caught.value} [{caught.value.hint}]"

    return read_none
