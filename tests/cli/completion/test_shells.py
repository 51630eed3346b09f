"""Real shells: after Tab the program is given the word that was meant, whatever is in it."""

from __future__ import annotations

import shutil

import pytest

from gptoss_cli.sessions.records import SessionSettings
from gptoss_cli.sessions.store import open_store
from tests.support.shells import Shell

TITLES = (
    "My first title",
    'It\'s a "quoted" $HOME `x`',
    "한글 제목: 둘",
    "C:\\dir (b) & c; d",
    "sixth: with colon",
    "twin",
    "twin",
    "red \x1b[31m",
)
LINES = [
    ("ru\t", ["run"]),
    ("run -m de\t--eff\tl\t", ["run", "-m", "demo", "--effort", "low"]),
    ("run --effort=h\t", ["run", "--effort=high"]),
    ("-m a\\ f\t", ["-m", "a file.gguf"]),
    ("sessions show My\t", ["sessions", "show", TITLES[0]]),
    ("sessions show 'It\t", ["sessions", "show", TITLES[1]]),
    ('sessions show "It\t', ["sessions", "show", TITLES[1]]),
    ("sessions show It\t", ["sessions", "show", TITLES[1]]),
    ("sessions show 한\t", ["sessions", "show", TITLES[2]]),
    ("sessions show C\t", ["sessions", "show", TITLES[3]]),
    ("sessions show sixth:\t", ["sessions", "show", TITLES[4]]),
    ("chat --session=six\t", ["chat", f"--session={TITLES[4]}"]),
    (
        "sessions export My\t j\t -o pl\t",
        ["sessions", "export", TITLES[0], "json", "-o", "plain.txt"],
    ),
    ("sessions export x --output=pl\t", ["sessions", "export", "x", "--output=plain.txt"]),
]


@pytest.fixture
def folder(tmp_path):
    store = tmp_path / "data" / "gptoss" / "sessions.db"
    store.parent.mkdir(parents=True)
    with open_store(store) as opened:
        for title in TITLES:
            opened.create("demo", SessionSettings(), title)
    (tmp_path / "a file.gguf").touch()
    (tmp_path / "plain.txt").touch()
    return tmp_path


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_tab(name, folder):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not here")
    shell = Shell(
        name, folder, XDG_DATA_HOME=str(folder / "data"), HF_HUB_CACHE=str(folder / "hub")
    )
    try:
        found = [shell.arguments(f"gptoss {typed}") for typed, _ in LINES]
    finally:
        shell.close()
    assert found == [meant for _, meant in LINES]
