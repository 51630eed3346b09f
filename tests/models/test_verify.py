"""Every byte counts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from gptoss_cli.models.registry import DEMO_FILE
from gptoss_cli.models.verify import Claim, State, verify

CONTENT = bytes(range(256)) * 40_000  # several reads


@pytest.fixture
def claim(tmp_path: Path) -> Claim:
    path = tmp_path / "model.gguf"
    path.write_bytes(CONTENT)
    return Claim("model.gguf", path, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def state_of(claim: Claim) -> State:
    return verify([claim])[0].state


def test_the_same_bytes_are_good(claim):
    assert state_of(claim) is State.GOOD


@pytest.mark.parametrize("at", [0, 5_000_000, len(CONTENT) - 1])
def test_one_changed_byte_is_found(claim, at):
    with claim.path.open("r+b") as file:
        file.seek(at)
        file.write(bytes([CONTENT[at] ^ 1]))
    assert state_of(claim) is State.DAMAGED


def test_a_file_that_is_gone_is_missing(claim):
    claim.path.unlink()
    assert state_of(claim) is State.MISSING


def test_without_a_digest_only_the_length_can_be_wrong(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(DEMO_FILE.read_bytes())
    unknown = Claim("model.gguf", path, path.stat().st_size, None)
    assert state_of(unknown) is State.UNKNOWN
    assert state_of(replace(unknown, size_bytes=1)) is State.DAMAGED
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    assert state_of(replace(unknown, size_bytes=path.stat().st_size)) is State.DAMAGED


def test_progress_is_told_per_file(claim):
    told: list[tuple[int, int]] = []
    verify([claim, claim], report=lambda *report: told.append(report))
    assert told[-1] == (1, len(CONTENT))
    assert (0, len(CONTENT)) in told
