from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gptoss_cli.sessions.store import SessionStore, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be; its folder is there."""
    return tmp_path / "sessions.db"


@pytest.fixture
def store(path: Path) -> Iterator[SessionStore]:
    with open_store(path) as store:
        yield store
