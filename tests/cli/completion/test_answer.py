"""What the program answers a shell, beyond what the shells themselves show in test_shells."""

from __future__ import annotations

import json
import time

from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.names import CATALOG
from gptoss_cli.models.transfer.journal import Purpose
from gptoss_cli.models.transfer.partial import Partial
from gptoss_cli.sessions.records import SessionSettings
from gptoss_cli.sessions.store import open_store
from tests.support.program import gptoss


def completed(line: str, **env: str) -> list[str]:
    """What zsh is offered at the end of `line`, without what is said of it."""
    done = gptoss("__complete", "zsh", *line.split(" "), env=env)
    assert (done.stderr, done.exit_code) == ("", 0)
    kind, *rows = done.stdout.splitlines()
    assert (kind == "words") == bool(rows)
    return [row.partition("\t")[0] for row in rows] or [kind]


def test_the_names_of_models(tmp_path):
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
    assert completed("run -m ", **env) == ["20b", "demo", "org/other"]
    assert completed("models use o", **env) == ["org/other"]
    done = gptoss("__complete", "bash", ":", "gptoss models rm org/half:", env=env)
    assert done.stdout == "words\nQ8_0\n"  # what stands behind the colon, as bash wants it
    assert completed("pull safe", **env) == ["safeguard-120b", "safeguard-20b"]
    assert completed("run -m ./", **env) == ["files"]
    damaged = tmp_path / "data" / "gptoss" / "models.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    env |= {"XDG_DATA_HOME": str(tmp_path / "data")}
    assert completed("models path 2", **env) == ["20b"]


def store_of(folder, *titles):
    path = folder / "gptoss" / "sessions.db"
    path.parent.mkdir(parents=True)
    with open_store(path) as store:
        return [store.create("demo", SessionSettings(), title) for title in titles]


def test_titles_that_cannot_be_typed_or_mean_two_are_offered_as_ids(tmp_path):
    ids = store_of(tmp_path, "plain", "twin", "Twin", "red \x1b[31m", "-m", "last", "")
    offered = completed("sessions show ", XDG_DATA_HOME=str(tmp_path))
    assert set(offered) == {"plain", *ids[1:]}
    done = gptoss("__complete", "fish", "chat", "--session=", env={"XDG_DATA_HOME": str(tmp_path)})
    assert "\x1b" not in done.stdout
    assert "--session=plain\t" in done.stdout


def test_an_id_is_completed(tmp_path):
    (own_id,) = store_of(tmp_path, "a title")
    beginning = own_id[:6].lower()
    assert completed(f"sessions show {beginning}", XDG_DATA_HOME=str(tmp_path)) == [own_id]


def test_tab_changes_no_store_and_says_nothing_of_a_damaged_one(tmp_path):
    assert completed("sessions show ", XDG_DATA_HOME=str(tmp_path)) == ["nothing"]
    assert list(tmp_path.iterdir()) == []
    damaged = tmp_path / "gptoss" / "sessions.db"
    damaged.parent.mkdir()
    damaged.write_bytes(b"no database " * 1_000)
    assert completed("sessions show ", XDG_DATA_HOME=str(tmp_path)) == ["nothing"]
    assert [path.name for path in damaged.parent.iterdir()] == ["sessions.db"]


def test_a_store_that_is_being_written_is_not_waited_for(tmp_path):
    import sqlite3

    store_of(tmp_path, "a title")
    other = sqlite3.connect(tmp_path / "gptoss" / "sessions.db")
    other.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    completed("sessions show ", XDG_DATA_HOME=str(tmp_path))
    other.close()
    assert time.monotonic() - started < 10


def test_powershell_gets_json_in_ascii_with_quoted_words(tmp_path):
    store_of(tmp_path, "한글 'x'")
    done = gptoss(
        *("__complete", "powershell"),
        env={"XDG_DATA_HOME": str(tmp_path), "_GPTOSS_WORDS": "sessions\x1fshow\x1f'한"},
    )
    assert done.stdout.isascii()
    (found,) = json.loads(done.stdout)
    assert (found["text"], found["word"]) == ("'한글 ''x'''", "한글 'x'")


def test_what_is_no_question_has_no_answer():
    for arguments in ((), ("tcsh", "x"), ("bash",), ("powershell",)):
        done = gptoss("__complete", *arguments)
        assert (done.stdout, done.stderr, done.exit_code) == ("", "", 0)
