"""The commands about models as a shell sees them, with a hub on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from filelock import FileLock
from huggingface_hub import scan_cache_dir

from gptoss_cli.errors import ExitCode
from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.names import CATALOG
from gptoss_cli.models.registry import DEMO_FILE
from gptoss_cli.models.transfer.journal import Purpose
from gptoss_cli.models.transfer.partial import Partial
from tests.support.fetcher import Fetcher
from tests.support.hub import GATED, FakeHub, Fault
from tests.support.program import COMMAND, ROOT, Done, gptoss
from tests.support.screen import Terminal
from tests.support.waiting import wait_until

REPO = CATALOG["20b"]
WHOLE = "gpt-oss-20b-mxfp4.gguf"
CONTENT = DEMO_FILE.read_bytes()
README = (ROOT / "README.md").read_text(encoding="utf-8")


class Shell:
    """A person's shell: a cache and a home of their own, and this hub."""

    def __init__(self, hub: FakeHub, folder: Path) -> None:
        self.env = {
            "HF_HOME": str(folder / "hf"),
            "HF_ENDPOINT": hub.endpoint,
            "XDG_DATA_HOME": str(folder / "data"),
        }

    def __call__(self, *arguments: str | Path, stdin: str | None = None, **more: str) -> Done:
        return gptoss(*arguments, stdin=stdin, env=self.env | more)

    def json(self, *arguments: str) -> dict:
        done = self(*arguments, "--json")
        assert done.exit_code == 0, done.stderr
        told = json.loads(done.stdout)
        assert told.pop("version") == 1
        return told


def ended(terminal: Terminal) -> list[str]:
    """The rows that are not blank, after the program has ended well."""
    assert terminal.wait_for_end() == 0
    return [row for row in terminal.text.splitlines() if row.strip()]


def begun(shell: Shell) -> bool:
    """Whether a download has recorded anything."""
    journals = Path(shell.env["HF_HOME"]).glob("hub/models--*/blobs/*.journal")
    return any(journal.read_bytes().count(b"\n") > 1 for journal in journals)


def begin(hub: FakeHub, folder: Path) -> Path:
    """Leave a download that was just begun in the cache; return the lock of its file."""
    hub.add(REPO, {WHOLE: CONTENT})
    etag = hub.file(REPO, WHOLE).etag
    cache = CacheFolder(folder / "hf" / "hub")
    cache.prepare(REPO)
    Partial(cache.blob_path(REPO, etag), size_bytes=len(CONTENT), etag=etag).close()
    return cache.lock_path(REPO, etag)


@pytest.fixture
def shell(hub: FakeHub, tmp_path: Path) -> Shell:
    return Shell(hub, tmp_path)


@pytest.fixture
def pulled(hub: FakeHub, shell: Shell) -> Shell:
    hub.add(REPO, {WHOLE: CONTENT}, tags=["gguf", "license:apache-2.0"])
    done = shell("pull", "20b")
    assert done.exit_code == 0, done.stderr
    return shell


def test_pull_is_quiet_in_a_pipe_and_says_what_is_next(hub, shell):
    hub.add(REPO, {WHOLE: CONTENT})
    done = shell("pull", "20b")
    assert (done.exit_code, done.stdout) == (0, "")
    verified, ready = done.stderr.splitlines()
    assert verified.startswith("  verified ")
    assert ready == "ready: gptoss chat"


def test_what_was_pulled_answers(pulled):
    assert pulled("run", "--temperature", "0", "What is 47 + 85?").stdout == "47 + 85 = 132\n"
    assert pulled("run", "-m", "20b", "--temperature", "0", "12 + 30").stdout.strip()


def test_the_listing_in_a_pipe_is_plain_columns(pulled):
    done = pulled("models", "ls")
    (line,) = done.stdout.splitlines()
    name, size_bytes, quantization, kind, modified, path = line.split("\t")
    assert (name, int(size_bytes), quantization, kind) == ("20b", len(CONTENT), "MXFP4", "hub")
    assert modified.endswith("Z")
    assert Path(path).read_bytes() == CONTENT
    assert pulled("models").stdout == done.stdout


def documented(title: str) -> set[str]:
    """The keys that the README's table has for `title`."""
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", README, re.MULTILINE)
    (keys,) = [keys for name, keys in rows if name == title]
    return set(re.findall(r"`(\w+)`", keys)) - {"version"}


def test_json_has_the_shape_the_readme_says(hub, pulled):
    listed = pulled.json("models", "ls")
    assert set(listed) == documented("`models ls`")
    assert set(listed["models"][0]) == documented("… each of `models`")
    assert listed["models"][0]["default"] is True
    found = pulled.json("models", "search")
    assert set(found) == documented("`models search`")
    assert set(found["repositories"][0]) == documented("… each of `repositories`")
    shown = pulled.json("models", "show")
    assert set(shown) == documented("`models show`")
    assert set(shown["files"][0]) == documented("… each of its `files`")
    checked = pulled.json("models", "verify", "20b")
    assert set(checked) == documented("`models verify`")
    assert set(checked["files"][0]) == documented("… each of the checked `files`")
    assert set(pulled.json("models", "df")) == documented("`models df`")
    planned = pulled.json("pull", "20b", "--dry-run")
    assert set(planned) == documented("`pull --dry-run`")
    assert set(planned["files"][0]) == documented("… each of the wanted `files`")
    for preflight in (planned["preflight"], *shown["preflight"]):
        assert set(preflight) == documented("… `preflight` of both")


def test_the_listing_at_forty_columns(pulled):
    with Terminal("models", "ls", columns=40, env=pulled.env) as terminal:
        rows = ended(terminal)
    assert rows[0].split()[:2] == ["NAME", "SIZE"]
    assert rows[1].startswith("20b *")
    assert all(len(row) <= 40 for row in rows)


def test_nothing_installed_is_said_on_standard_error(shell):
    done = shell("models", "ls")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "gptoss pull 20b" in done.stderr
    run = shell("run", "hi")
    assert run.exit_code == 3
    assert run.stderr.count("\n") == 2


def test_a_dry_run_downloads_nothing(hub, shell):
    hub.add(REPO, {WHOLE: CONTENT}, tags=["license:apache-2.0"])
    done = shell("pull", "20b", "--dry-run")
    assert done.exit_code == 0
    for word in ("20b", "MXFP4", "1.3 MB", "apache-2.0", "disk", "memory", "runs on", "fits"):
        assert word in done.stdout
    told = shell.json("pull", "20b", "--dry-run")
    assert told["missing_bytes"] == len(CONTENT)
    assert told["files"][0]["path"] == WHOLE
    assert told["preflight"]["verdict"] == "fits"
    assert not Path(shell.env["HF_HOME"]).exists()


def test_show_tells_the_same_here_and_on_the_hub(hub, shell):
    hub.add(REPO, {WHOLE: CONTENT}, tags=["license:apache-2.0"])
    there = shell.json("models", "show", "20b")
    assert "not downloaded" in there["origin"]
    shell("pull", "20b")
    here = shell.json("models", "show")
    for fact in ("parameters", "active_parameters", "quantization", "tokenizer", "preflight"):
        if fact != "preflight":
            assert here[fact] == there[fact]
    assert [fit["context_window"] for fit in here["preflight"]] == [8192, 32768, 131072]
    text = shell("models", "show", "demo").stdout
    for label in ("architecture", "experts", "chat template", "at 8k", "at 128k", "runs on"):
        assert f"\n{label}" in text


def test_json_carries_nothing_that_a_terminal_obeys(hub, shell):
    hub.add(REPO, {WHOLE: CONTENT}, tags=["license:mit\x9b31m\u202e한\x7f"])
    done = shell("pull", "20b", "--dry-run", "--json")
    assert json.loads(done.stdout)["license"] == "mit\x9b31m\u202e한\x7f"
    assert "한" in done.stdout
    assert not set("\x9b\u202e\x7f") & set(done.stdout)


def test_search_lists_what_the_hub_has(hub, shell):
    hub.add(REPO, {WHOLE: CONTENT}, downloads=5, tags=["gguf"])
    done = shell("models", "search", "gpt-oss")
    assert done.stdout.split("\t")[0] == REPO
    assert shell.json("models", "search")["repositories"][0]["name"] == "20b"


def test_verify_finds_and_repairs_damage(pulled):
    path = Path(pulled("models", "path").stdout.strip()).resolve()
    assert pulled("models", "verify", "20b").stdout.startswith(f"{WHOLE}\tgood\t")
    with path.open("r+b") as file:
        file.seek(70_000)
        file.write(b"damage")
    done = pulled("models", "verify", "20b")
    assert (done.exit_code, done.stdout.split("\t")[1]) == (1, "damaged")
    assert "--repair 20b" in done.stderr
    assert pulled.json("models", "verify", "20b", "--repair")["files"][0]["repaired"]
    assert path.read_bytes() == CONTENT


def test_verify_says_what_is_missing_and_brings_it(hub, pulled):
    path = Path(pulled("models", "path").stdout.strip()).resolve()
    path.unlink()
    assert "--repair 20b" in pulled("models", "ls").stderr
    done = pulled("models", "verify", "20b")
    assert (done.exit_code, done.stdout) == (1, f"{WHOLE}\tmissing\t\n")
    assert "try: gptoss models verify --repair 20b" in done.stderr
    assert pulled("models", "verify", "20b", "--repair").exit_code == 0
    assert path.read_bytes() == CONTENT
    assert pulled("models", "verify", "org/none").exit_code == 3


def test_a_repair_that_was_stopped_goes_on(hub, shell):
    hub.add(REPO, {WHOLE: CONTENT * 20})
    assert shell("pull", "20b").exit_code == 0
    path = Path(shell("models", "path").stdout.strip()).resolve()
    with path.open("r+b") as file:
        file.write(b"GGUF?")
    hub.fail(WHOLE, GATED, where="hub")
    assert shell("models", "verify", "20b", "--repair").exit_code == 8
    assert path.exists()
    hub.heal()
    hub.fail(WHOLE, Fault(stall_at=2_000_000), where="storage")
    with Terminal("models", "verify", "--repair", "20b", env=shell.env) as terminal:
        terminal.wait_for("DAMAGED")
        wait_until(lambda: begun(shell), meanwhile=terminal.read)
        terminal.send("\x03")
        assert terminal.wait_for_end() == 130
    hub.heal()
    listed = shell("models", "ls").stderr
    assert listed.startswith("unfinished: 20b, ")
    assert "gptoss models verify --repair 20b goes on" in listed
    assert shell("models", "verify", "--repair", "20b").exit_code == 0
    assert path.read_bytes() == CONTENT * 20


def test_a_repair_that_another_program_has_done_is_not_gone_on_with(hub, pulled, tmp_path):
    etag = hub.file(REPO, WHOLE).etag
    leave_partial(tmp_path, REPO, etag, name="20b", path=WHOLE, set_bytes=5, replaces=True)
    assert "--repair 20b goes on" in pulled("models", "ls").stderr
    assert pulled("models", "verify", "20b", "--repair").exit_code == 0
    assert pulled.json("models", "ls")["partials"] == []


def test_without_links_the_hub_is_asked_for_digests(hub, shell):
    shell.env["HF_HUB_DISABLE_SYMLINKS"] = "1"
    hub.add(REPO, {WHOLE: CONTENT})
    assert shell("pull", "20b").exit_code == 0
    path = Path(shell("models", "path").stdout.strip())
    assert not path.is_symlink()
    assert shell.json("models", "verify", "20b")["files"][0]["state"] == "good"
    with path.open("r+b") as file:
        file.seek(len(CONTENT) - 100)
        file.write(b"damage")
    assert shell("models", "verify", "20b", HF_HUB_OFFLINE="1").exit_code == 0  # who could know
    assert shell("models", "verify", "20b").exit_code == 1
    assert shell("models", "verify", "20b", "--repair").exit_code == 0
    assert path.read_bytes() == CONTENT


def test_import_use_and_remove(pulled, tmp_path):
    source = Path(shutil.copy(DEMO_FILE, tmp_path / "x.gguf"))
    assert pulled("models", "import", source, "--name", "내모델").exit_code == 0
    assert pulled("models", "use", "내모델").exit_code == 0
    assert pulled("models", "path").stdout == f"{source}\n"
    assert pulled("models", "rm", "내모델", "--yes").exit_code == 0
    assert source.exists()
    # Nothing is the default by choice any more, so the only one is it.
    assert pulled("models", "path").stdout.endswith(f"{WHOLE}\n")


def test_a_commit_that_changes_only_the_readme_makes_no_second_model(hub, pulled):
    hub.add(REPO, {WHOLE: CONTENT, "README.md": b"new"})
    assert pulled("pull", "20b").stderr == "ready: gptoss chat\n"
    (model,) = pulled.json("models", "ls")["models"]
    assert (model["name"], model["default"]) == ("20b", True)
    assert pulled("models", "path").exit_code == 0
    assert "1.3 MB became free" in pulled("models", "rm", "20b", "--yes").stderr
    assert pulled.json("models", "ls")["models"] == []
    assert pulled.json("models", "df")["models_bytes"] == 0


def test_rm_asks_and_never_without_a_person(pulled):
    done = pulled("models", "rm", "20b", stdin="y\n")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert pulled.json("models", "ls")["models"]
    with Terminal("models", "rm", "20b", env=pulled.env) as terminal:
        terminal.wait_for("Remove?")
        terminal.line("ㅛ")
        assert any("became free" in row for row in ended(terminal))
    assert pulled.json("models", "ls")["models"] == []
    assert pulled.json("models", "df")["models_bytes"] == 0


def test_a_download_that_stopped_is_listed_and_can_be_removed(hub, shell):
    hub.add(REPO, {WHOLE: CONTENT * 20})
    hub.fail(WHOLE, Fault(stall_at=2_000_000), where="storage", skip=1)
    with Terminal("pull", "20b", "--yes", env=shell.env) as terminal:
        terminal.wait_for("runs on")
        wait_until(lambda: begun(shell), meanwhile=terminal.read)
        terminal.send("\x03")
        assert terminal.wait_for_end() == 130
        assert "goes on from here" in terminal.text
    (partial,) = shell.json("models", "ls")["partials"]
    assert set(partial) == documented("… each of `partials`")
    assert partial["resumable"]
    assert shell.json("models", "df")["partials_bytes"] > 0
    assert "unfinished" in shell("models", "ls").stderr
    assert shell("models", "rm", "20b", "--yes").exit_code == 0
    assert shell.json("models", "ls")["partials"] == []


def test_a_killed_pull_goes_on_and_nothing_half_done_is_a_model(hub, shell):
    """GPTOSS_KILLS=50 for the whole measure; the moments are random, the seed is told."""
    seed = int(os.environ.get("GPTOSS_KILLS_SEED", time.time_ns() % 1_000_000))
    print("GPTOSS_KILLS_SEED", seed)
    moments = random.Random(seed)
    content = CONTENT + moments.randbytes(64 << 20)
    hub.add(REPO, {WHOLE: content})
    hub.bytes_per_s = 64 << 20
    root = Path(shell.env["HF_HOME"]) / "hub"
    place = f"models--{REPO.replace('/', '--')}/snapshots/*/{WHOLE}"
    job = {"arguments": ["pull", "20b"], "env": shell.env}
    with Fetcher() as fetcher:
        for _ in range(int(os.environ.get("GPTOSS_KILLS", "6"))):
            pid = fetcher.start(**job)
            time.sleep(moments.uniform(0, 0.8))
            with contextlib.suppress(ProcessLookupError):  # it was done
                os.kill(pid, signal.SIGKILL)
            fetcher.wait()
            listed = CacheFolder(root).scan().models
            seen = scan_cache_dir(root) if root.exists() else None
            seen_files = (
                [f for r in seen.repos for v in r.revisions for f in v.files] if seen else []
            )
            assert [f.size_on_disk for f in seen_files] == [len(content)] * len(listed)
            if listed:
                assert next(root.glob(place)).read_bytes() == content
                assert shell("models", "rm", "20b", "--yes").exit_code == 0
        hub.bytes_per_s = None
        fetcher.start(**job)
        assert fetcher.wait()["exit_code"] == 0
    assert next(root.glob(place)).read_bytes() == content
    assert not CacheFolder(root).scan().partials


def test_a_full_disk_is_a_sentence_and_the_next_pull_goes_on(hub, shell, tmp_path):
    hub.add(REPO, {WHOLE: CONTENT * 10})
    said = tmp_path / "stderr"
    job = {"arguments": ["pull", "20b"], "env": shell.env, "stderr": said}
    with Fetcher() as fetcher:
        fetcher.start(**job, limit_bytes=7 * len(CONTENT))
        assert fetcher.wait()["exit_code"] == ExitCode.DOWNLOAD
        assert "there is no room left in" in said.read_text()
        assert "goes on where this one stopped" in said.read_text()
        assert shell.json("models", "ls")["models"] == []
        hub.requests.clear()
        fetcher.start(**job)
        assert fetcher.wait()["exit_code"] == 0
    assert hub.sent("storage") < 5 * len(CONTENT)
    assert shell.json("models", "verify", "20b")["files"][0]["state"] == "good"


def test_rm_removes_what_was_named_and_nothing_else(hub, shell, tmp_path):
    begin(hub, tmp_path)
    done = shell("models", "rm", "20b:Q8_0", "--yes")
    assert done.exit_code == 3
    assert len(shell.json("models", "ls")["partials"]) == 1


def leave_partial(folder: Path, repo_id: str, etag: str, **purpose) -> Path:
    """Leave a download of 3 of 10 MB in the cache; return its blob."""
    cache = CacheFolder(folder / "hf" / "hub")
    cache.prepare(repo_id)
    blob = cache.blob_path(repo_id, etag)
    partial = Partial(blob, size_bytes=10_000_000, etag=etag, purpose=Purpose(**purpose))
    with partial.writer(0, 10_000_000) as writer:
        writer.add(bytes(3_000_000))
    partial.close()
    return blob


def said_commands(done: Done) -> list[str]:
    return re.findall(r"gptoss models rm \S+", done.stderr)


def test_an_unfinished_download_has_a_name_and_the_commands_for_it(hub, shell, tmp_path):
    hub.add("org/two", {"a-Q4_K_M.gguf": CONTENT, "a-Q5_K_M.gguf": CONTENT + b"5"})
    assert shell("pull", "org/two:Q4_K_M").exit_code == 0
    other = {"name": "org/two:Q5_K_M", "path": "a-Q5_K_M.gguf", "set_bytes": 10_000_000}
    leave_partial(tmp_path, "org/two", "5" * 64, **other)
    split = {"name": "org/two:Q8_0", "path": "Q8_0/a-00002-of-00003.gguf"}
    leave_partial(tmp_path, "org/two", "8" * 64, **split, set_bytes=30_000_000)
    # Of an older file of the name that is here.
    old = {"name": "org/two:Q4_K_M", "path": "a-Q4_K_M.gguf", "set_bytes": 10_000_000}
    leave_partial(tmp_path, "org/two", "4" * 64, **old)
    nameless = leave_partial(tmp_path, "org/two", "0" * 64)
    nameless.with_name("\x1b[31m.incomplete").write_text("of another program")
    nameless.with_name(nameless.name + ".gptoss.journal").write_text("?")
    done = shell("models", "ls")
    for sentence in (
        "unfinished: org/two:Q5_K_M, 3.0 MB of 10.0 MB",
        "  gptoss pull org/two:Q5_K_M goes on; gptoss models rm org/two:Q5_K_M removes it",
        "unfinished: org/two:Q8_0, 3.0 MB of 30.0 MB",
        "  gptoss pull org/two:Q4_K_M goes on; gptoss models rm org/two@444444444444 removes it",
        "its journal is damaged",
        "  gptoss models rm org/two@000000000000 removes it",
    ):
        assert sentence in done.stderr
    listed = {partial["name"] for partial in shell.json("models", "ls")["partials"]}
    assert listed == {"org/two:Q4_K_M", "org/two:Q5_K_M", "org/two:Q8_0", None}
    assert "\x1b" not in done.stderr
    assert "of another program" in done.stderr
    nameless.with_name("\x1b[31m.incomplete").unlink()
    commands = said_commands(shell("models", "ls"))
    assert len(commands) == 4
    for left, command in reversed(list(enumerate(commands))):
        assert shell(*command.split()[1:], "--yes").exit_code == 0
        assert len(shell.json("models", "ls")["partials"]) == left
    assert [m["name"] for m in shell.json("models", "ls")["models"]] == ["org/two"]


def test_of_several_unfinished_downloads_none_is_guessed(shell, tmp_path):
    for no in (4, 5):
        purpose = {"name": f"org/two:Q{no}_0", "path": f"a-Q{no}_0.gguf", "set_bytes": 10_000_000}
        leave_partial(tmp_path, "org/two", str(no) * 64, **purpose)
    done = shell("models", "rm", "org/two", "--yes")
    assert done.exit_code == 2
    assert said_commands(done) == [f"gptoss models rm org/two:Q{no}_0" for no in (4, 5)]
    assert "3.0 MB" in done.stderr


def test_a_download_says_in_its_journal_what_it_is(hub, shell):
    hub.add("org/two", {"a-Q4_0.gguf": CONTENT * 10, "a-Q5_0.gguf": CONTENT * 10})
    job = {"arguments": ["pull", "org/two:Q5_0"], "env": shell.env}
    with Fetcher() as fetcher:
        fetcher.start(**job, limit_bytes=7 * len(CONTENT))
        assert fetcher.wait()["exit_code"] == ExitCode.DOWNLOAD
    (partial,) = shell.json("models", "ls")["partials"]
    assert (partial["name"], partial["file"]) == ("org/two:Q5_0", "a-Q5_0.gguf")


def test_without_the_list_of_models_the_cache_is_shown_and_used(hub, pulled):
    damaged = Path(pulled.env["XDG_DATA_HOME"]) / "gptoss" / "models.json"
    damaged.parent.mkdir(parents=True, exist_ok=True)
    damaged.write_text("{")
    done = pulled("models", "ls")
    assert (done.exit_code, done.stdout.split("\t")[0]) == (0, "20b")
    assert "note: the list of models" in done.stderr
    assert pulled.json("models", "df")["models_bytes"] == len(CONTENT)
    done = pulled("pull", "20b")
    assert done.exit_code == 0
    assert "ready: gptoss chat -m 20b" in done.stderr
    done = pulled("models", "rm", "20b", "--yes")
    assert done.exit_code == 1
    assert "move it away" in done.stderr
    assert pulled.json("models", "ls")["models"]


def test_an_imported_file_that_has_gone_is_said_to_be_missing(shell, tmp_path):
    source = Path(shutil.copy(DEMO_FILE, tmp_path / "x.gguf"))
    assert shell("models", "import", source, "--name", "mine").exit_code == 0
    source.unlink()
    assert shell.json("models", "ls")["models"][0]["missing"]
    assert shell("models", "ls").stdout.split("\t")[3] == "missing"
    used = shell("models", "use", "mine")
    assert (used.exit_code, "missing" in used.stderr) == (3, True)
    checked = shell("models", "verify", "mine")
    assert (checked.exit_code, "--repair" in checked.stderr) == (1, False)
    removed = shell("models", "rm", "mine", "--yes")
    assert "is missing" in removed.stderr
    assert shell.json("models", "ls")["models"] == []


def test_what_is_being_downloaded_is_not_removed(hub, shell, tmp_path):
    lock = begin(hub, tmp_path)
    lock.parent.mkdir(parents=True)
    with FileLock(lock):
        done = shell("models", "rm", "--partials", "--yes")
        assert done.exit_code == 1
        assert "being downloaded" in done.stderr
    assert len(shell.json("models", "ls")["partials"]) == 1
    assert shell("models", "rm", "--partials", "--yes").exit_code == 0
    assert shell.json("models", "ls")["partials"] == []


def test_a_path_is_printed_byte_by_byte(shell, tmp_path):
    for name in (os.fsdecode("모델.gguf".encode("cp949")), "모델.gguf"):
        source = Path(shutil.copy(DEMO_FILE, tmp_path / name))
        done = subprocess.run(
            [*COMMAND, "models", "path", source],
            stdout=subprocess.PIPE,
            check=True,
            env=os.environ | shell.env | {"PYTHONIOENCODING": "ascii"},
            cwd=ROOT,
        )
        assert done.stdout == os.fsencode(source) + b"\n"


@pytest.mark.parametrize("endpoint", ["http://[::1", "http://u:p/w@127.0.0.1:9"])
def test_an_endpoint_that_is_no_address_is_wrong_usage(pulled, endpoint):
    for command in (("pull", "120b"), ("models", "show", "120b"), ("models", "search")):
        done = pulled(*command, HF_ENDPOINT=endpoint)
        assert (done.exit_code, "HF_ENDPOINT is no address" in done.stderr) == (2, True)
        assert "p/w" not in done.stderr
    assert pulled("models", "verify", "20b", HF_ENDPOINT=endpoint).exit_code == 0
    Path(pulled("models", "path").stdout.strip()).resolve().unlink()
    assert pulled("models", "verify", "20b", "--repair", HF_ENDPOINT=endpoint).exit_code == 2


def test_small_slips_are_answered_to_the_point(shell):
    empty = shell("models", "show", "")
    assert (empty.exit_code, "is empty" in empty.stderr) == (2, True)
    assert "prompt" not in shell("models", "df", "--foo").stderr
    described = shell("models", "--help", COLUMNS="80").stdout
    assert "..." not in described.partition("Commands:")[2]


def test_a_file_that_is_not_there_is_not_said_to_be_here(shell):
    done = shell("pull", "./none.gguf")
    assert (done.exit_code, "there is no file" in done.stderr) == (2, True)
    for command in ("import", "show"):
        assert "-m" not in shell("models", command, "./none.gguf").stderr.split()


def test_a_hub_that_is_asked_too_often_says_when_to_come_again(hub, shell):
    hub.add(REPO, {WHOLE: CONTENT})
    hub.fail(WHOLE, Fault(status=429, retry_after="4000"))
    assert "again in 67 minutes" in shell("pull", "20b").stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("SSL_CERT_FILE", "/nonexistent"), ("ALL_PROXY", "socks5://127.0.0.1:9")],
)
def test_a_network_set_up_wrongly_is_a_sentence(hub, shell, name, value):
    hub.add(REPO, {WHOLE: CONTENT})
    done = shell("pull", "20b", **{name: value})
    assert done.exit_code == 8, done.stderr
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    "name", ["org/none", "../x/y.gguf", "20", "a b", "org/repo@..", "\x1b[31m"]
)
def test_names_that_lead_nowhere_are_a_sentence_and_a_hint(hub, shell, name):
    done = shell("pull", name)
    assert done.exit_code in {2, 3, 8}
    assert done.stderr.count("\n") == 2
    assert "error: " in done.stderr
    assert "\x1b" not in done.stderr


def test_candidates_are_commands_that_can_be_pasted(hub, shell):
    hub.add("org/gpt-oss", {"a-Q4_K_M.gguf": CONTENT, "b-Q4_K_M.gguf": CONTENT})
    done = shell("pull", "org/gpt-oss")
    assert done.exit_code == 2
    command = done.stderr.splitlines()[0].split("  ")[-1]
    assert command == "gptoss pull org/gpt-oss/a-Q4_K_M.gguf"
    assert shell(*command.split()[1:]).exit_code == 0


def test_a_model_of_another_kind_is_refused_before_it_is_downloaded(hub, shell):
    other = CONTENT.replace(b"gpt-oss", b"llamall")
    hub.add("org/llama", {"x.gguf": other})
    done = shell("pull", "org/llama")
    assert done.exit_code == 3
    assert "gptoss runs gpt-oss models" in done.stderr
    assert not Path(shell.env["HF_HOME"]).exists()


def test_a_gated_model_says_how_to_get_it(hub, shell):
    hub.add(REPO, {WHOLE: CONTENT}, gated=True)
    hub.fail(WHOLE, GATED, where="hub")
    done = shell("pull", "20b")
    assert done.exit_code == 8
    assert "hf auth login" in done.stderr


def test_offline_uses_what_is_here_and_asks_nobody(hub, pulled):
    asked = len(hub.requests)
    assert pulled("pull", "20b", HF_HUB_OFFLINE="1").exit_code == 0
    assert pulled("models", "ls", HF_HUB_OFFLINE="1").exit_code == 0
    done = pulled("pull", "120b", HF_HUB_OFFLINE="1")
    assert done.exit_code == 8
    assert "HF_HUB_OFFLINE" in done.stderr
    assert len(hub.requests) == asked


def test_a_hub_that_cannot_be_reached_is_a_sentence(shell):
    done = shell("pull", "20b", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.exit_code == 8
    assert "cannot be reached" in done.stderr


def test_a_chat_without_a_model_offers_one(hub, shell):
    hub.add(REPO, {WHOLE: CONTENT})
    with Terminal(env=shell.env) as terminal:
        terminal.wait_for("Download?")
        terminal.line("")
        terminal.wait_for("Ctrl-D leaves")
        terminal.send("\x04")
        assert terminal.wait_for_end() == 0
    assert shell.json("models", "ls")["models"][0]["name"] == "20b"


def test_what_was_typed_before_the_question_is_no_answer(hub, shell):
    hub.add(REPO, {WHOLE: CONTENT})
    hub.bytes_per_s = 1_000_000
    with Terminal(env=shell.env) as terminal:
        terminal.wait_for("reading its header")
        terminal.line("")
        terminal.wait_for("Download?")
        terminal.read(0.5)
        assert "reading its header" not in terminal.text
        terminal.line("nope")
        terminal.wait_for("Download?", count=2)
        terminal.line("no")
        assert terminal.wait_for_end() == 0

    assert shell.json("models", "ls") == {"models": [], "unfinished": [], "partials": []}


def test_a_chat_without_a_network_offers_the_model_of_the_program(shell):
    with Terminal(env=shell.env | {"HF_ENDPOINT": "http://127.0.0.1:9"}) as terminal:
        terminal.wait_for("small model of the program")
        terminal.line("n")
        assert terminal.wait_for_end() == 0
