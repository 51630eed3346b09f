"""The completion scripts in the repository are those the program prints, and they complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.names import CATALOG
from gptoss_cli.models.transfer.journal import Purpose
from gptoss_cli.models.transfer.partial import Partial
from tests.support.program import ROOT, gptoss

SUFFIXES = {"bash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "ps1"}


@pytest.mark.parametrize("shell", SUFFIXES)
def test_the_scripts_are_up_to_date(shell):
    done = gptoss(
        "--show-completion", shell, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    )
    script = Path(ROOT / "completions" / f"gptoss.{SUFFIXES[shell]}")
    assert done.stdout == script.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("gptoss ch", "chat"),
        ("gptoss run --eff", "--effort"),
        ("gptoss ses", "sessions"),
        ("gptoss sessions exp", "export"),
    ],
)
def test_bash_is_offered_commands_and_options(line, offered):
    assert offered in completed(line)


def completed(line: str, **env: str) -> list[str]:
    """What bash is offered at the end of `line`."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    done = gptoss(env={"_GPTOSS_COMPLETE": "complete_bash"} | words | env)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_is_offered_the_names_of_models(tmp_path):
    cache = CacheFolder(tmp_path / "hub")
    for repo_id, letter in ((CATALOG["20b"], "a"), ("org/other", "b")):
        cache.prepare(repo_id)
        cache.blob_path(repo_id, letter * 64).write_bytes(b"GGUF")
        cache.link(repo_id, commit="1" * 40, path="a-Q4_0.gguf", etag=letter * 64)
    purpose = Purpose("org/half:Q8_0", "a-Q8_0.gguf", 10)
    Partial(
        cache.blob_path("org/half", "c" * 64), size_bytes=10, etag="c" * 64, purpose=purpose
    ).close()
    env = {"HF_HUB_CACHE": str(tmp_path / "hub")}
    assert completed("gptoss run -m ", **env) == ["20b", "demo", "org/other"]
    assert completed("gptoss models use o", **env) == ["org/other"]
    assert completed("gptoss models rm org/", **env) == ["org/half:Q8_0", "org/other"]
    assert completed("gptoss pull safe", **env) == ["safeguard-120b", "safeguard-20b"]
    damaged = tmp_path / "data" / "gptoss" / "models.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    env |= {"XDG_DATA_HOME": str(tmp_path / "data")}
    assert completed("gptoss models path 2", **env) == ["20b"]
