"""Which command the arguments mean."""

from __future__ import annotations

import pytest

from gptoss_cli.cli.argv import with_command

COMMANDS = ("run", "chat")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["why is the sky blue?"], ["run", "why is the sky blue?"]),
        (["-m", "demo", "hi"], ["run", "-m", "demo", "hi"]),
        ([], ["run"]),
        (["run", "chat"], ["run", "chat"]),
        (["chat"], ["chat"]),
        (["--version"], ["--version"]),
        (["--help"], ["--help"]),
        (["--", "--help me"], ["run", "--", "--help me"]),
    ],
)
def test_a_prompt_implies_run(written, meant):
    assert list(with_command(written, COMMANDS).arguments) == meant


def test_implied_is_told_from_written():
    assert with_command(["hi"], COMMANDS).implied
    assert not with_command(["run", "hi"], COMMANDS).implied
