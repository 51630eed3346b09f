"""Files of KV states: whatever happens to them, nothing wrong comes back."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gptoss_cli.engine.kv_file import KVState, Origin, Section
from gptoss_cli.engine.kv_store import KVStore
from gptoss_cli.engine.reuse import Place, Reuse
from gptoss_cli.errors import GptossError

GIB = 1 << 30
KEY = "0123456789abcdef0123"


def section(n_tokens: int, n_bytes: int, seed: int = 0) -> Section:
    content = np.random.default_rng(seed).integers(0, 256, n_bytes, dtype=np.uint8)
    return Section(n_tokens, content.data)


def state(tokens: list[int], n_bytes: int = 3000, checkpoints: tuple[int, ...] = ()) -> KVState:
    return KVState(
        np.array(tokens, dtype=np.int32),
        section(len(tokens), n_bytes),
        tuple(section(n, 500, n) for n in checkpoints),
    )


def equal(left: KVState | None, right: KVState) -> bool:
    return (
        left is not None
        and left.tokens.tolist() == right.tokens.tolist()
        and [(s.n_tokens, bytes(s.content)) for s in (left.state, *left.checkpoints)]
        == [(s.n_tokens, bytes(s.content)) for s in (right.state, *right.checkpoints)]
    )


def only_file(store: KVStore) -> Path:
    (entry,) = store.entries()
    return entry.path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "kv"


@pytest.fixture
def store(folder: Path) -> KVStore:
    return KVStore(folder, GIB)


def kept(store: KVStore, content: KVState, session: str = "s") -> KVState:
    assert store.keep(Origin(KEY, "m", session), content)
    return content


def test_what_was_kept_comes_back_and_only_this_user_can_read_it(store, folder):
    whole = kept(store, state([1, 2, 3, 4, 5], checkpoints=(2, 4)))
    found = store.longest(KEY, [1, 2, 3, 4, 5, 6])
    assert found.usable == 5
    assert equal(store.load(KEY, found), whole)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert found.path.stat().st_mode & 0o777 == 0o600


def test_the_longest_that_can_be_gone_on_from_wins(store):
    kept(store, state([1, 2, 3]), "short")
    kept(store, state([1, 2, 3, 4, 5, 6], checkpoints=(1, 4)), "long")
    kept(store, state([9, 9, 9, 9, 9]), "other")
    assert store.longest(KEY, [1, 2, 3, 4, 5, 6, 7]).usable == 6
    assert store.longest(KEY, [1, 2, 3, 4, 5, 7]).usable == 4  # its checkpoint, not its end
    assert store.longest(KEY, [1, 2, 3, 7]).usable == 3
    assert store.longest(KEY, [7, 8]) is None
    assert store.longest("f" * 20, [1, 2, 3, 4]) is None


def test_a_large_file_is_not_read_for_a_small_part_of_it(store):
    kept(store, state(list(range(1000)), checkpoints=(10,)))
    assert store.longest(KEY, [*range(10), 5]) is None


def test_a_conversation_has_one_state_and_a_beginning_is_found_by_its_tokens(store):
    kept(store, state([1, 2, 3]))
    kept(store, state([1, 2, 3, 4]))
    assert store.keep(Origin(KEY, "m"), state([1, 2]))
    assert len(store.entries()) == 2
    assert store.prefix(KEY, [1, 2]).usable == 2
    assert store.prefix(KEY, [1, 3]) is None
    store.remove_sessions(["s", "another"])
    assert [entry.header.n_tokens for entry in store.entries()] == [2]
    assert store.clear()[0] == 1
    assert store.clear() == (0, 0)


def test_a_file_that_is_cut_off_anywhere_is_never_used(store):
    kept(store, state([1, 2, 3], checkpoints=(2,)))
    content = only_file(store).read_bytes()
    path = only_file(store)
    for length in [*range(0, 400, 3), *range(400, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:length])
        assert store.longest(KEY, [1, 2, 3, 4]) is None
        assert not path.exists()  # it would be looked at again and again


def test_a_file_that_is_damaged_anywhere_is_never_used(store):
    whole = kept(store, state([1, 2, 3], checkpoints=(2,)))
    path = only_file(store)
    content, random = path.read_bytes(), np.random.default_rng(1)
    for offset in [*range(400), *random.integers(0, len(content), 400)]:
        damaged = bytearray(content)
        damaged[offset] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        found = store.longest(KEY, [1, 2, 3, 4])
        assert found is None or not store.load(KEY, found)
    path.write_bytes(content)
    assert equal(store.load(KEY, store.longest(KEY, [1, 2, 3, 4])), whole)
    assert store.notes


def test_what_is_longer_than_it_should_be_or_something_else_is_not_used(store, folder):
    kept(store, state([1, 2, 3]))
    path = only_file(store)
    content = path.read_bytes()
    for other in (b"", b"\0" * 5000, content + b"\0", content * 2, os.urandom(4000)):
        path.write_bytes(other)
        assert store.longest(KEY, [1, 2, 3, 4]) is None
    path.mkdir()
    os.mkfifo(path.with_name(path.name.replace("session-", "session-0")))
    assert store.longest(KEY, [1, 2, 3, 4]) is None
    assert store.entries() == []


@pytest.mark.parametrize("model", [5, [1], {}])
def test_a_file_that_names_its_model_by_something_else_is_not_used(store, model):
    assert store.keep(Origin(KEY, model), state([1, 2, 3]))
    assert store.entries() == []


def test_a_beginning_that_was_renamed_is_not_taken_for_another(store):
    mine, other = list(range(40)), list(range(1, 41))
    reuse = Reuse(Place(store, "m"), lambda: KEY)
    for tokens in (other, mine):
        assert store.keep(Origin(KEY, "m"), state(tokens))
    paths = [store.prefix(KEY, tokens).path for tokens in (mine, other)]
    assert reuse.beginning(mine).tokens.tolist() == mine
    paths[1].replace(paths[0])
    assert reuse.beginning(mine) is None


def test_a_file_of_another_version_is_not_used(store, monkeypatch):
    monkeypatch.setattr("gptoss_cli.engine.kv_file.FORMAT", 2)
    kept(store, state([1, 2, 3]))
    monkeypatch.undo()
    assert store.longest(KEY, [1, 2, 3, 4]) is None


def test_a_renamed_file_of_another_model_is_not_used(store):
    store.keep(Origin("e" * 20, "m"), state([1, 2]))
    path = only_file(store)
    path.rename(path.with_name(path.name.replace("e" * 20, KEY)))
    assert store.load(KEY, store.prefix(KEY, [1, 2])) is None


def test_the_limit_is_kept_and_what_was_used_longest_ago_leaves_first(folder):
    store = KVStore(folder, 1 << 20)
    for number in range(12):
        kept(store, state([number, 1, 2], 150_000), str(number))
        if number:
            store.load(KEY, store.longest(KEY, [0, 1, 2, 3]))  # the first is always in use
        time.sleep(0.02)
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 1 << 20
    sessions = {entry.header.origin.session for entry in store.entries()}
    assert "0" in sessions
    assert "11" in sessions
    assert "1" not in sessions
    assert not store.keep(Origin(KEY, "m", "x"), state([1], 2 << 20))
    assert len(store.entries()) == len(sessions)  # nothing left for what does not fit anyway


@contextlib.contextmanager
def as_somebody_else(folder: Path, mode: int) -> Iterator[None]:
    """Give `folder` that mode while this process may do there what any user may."""
    folder.chmod(mode)
    is_root = os.geteuid() == 0
    if is_root:  # who may do everything
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder whose parents everybody may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "kv"


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_a_folder_that_may_not_be_entered_costs_time_only_and_is_told_to_who_asks(reachable, mode):
    store = KVStore(reachable, GIB)
    kept(store, state([1, 2]), "")
    found = store.prefix(KEY, [1, 2])
    assert found
    with as_somebody_else(reachable, mode):
        assert store.prefix(KEY, [1, 2]) is None
        assert store.longest(KEY, [1, 2, 3]) is None
        assert store.load(KEY, found) is None
        assert not store.keep(Origin(KEY, "m", "s"), state([1, 2]))
        assert store.notes
        for ask in (store.entries, store.clear, lambda: store.remove_sessions(["s"])):
            with pytest.raises(GptossError, match="cannot be read: Permission denied"):
                ask()


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_folder_that_cannot_be_written_to_is_left_and_what_stays_there_is_told(reachable):
    store = KVStore(reachable, GIB)
    kept(store, state([1, 2]))
    with as_somebody_else(reachable, 0o555):
        assert not store.keep(Origin(KEY, "m", "t"), state([1, 2, 3]))
        for remove in (store.clear, lambda: store.remove_sessions(["s"])):
            with pytest.raises(GptossError, match="cannot be removed: Permission denied"):
                remove()
    store.remove_sessions(["s"])
    assert store.entries() == []


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize("session", ["", "s"])
def test_a_file_that_may_not_be_read_is_told_and_is_not_in_the_way_of_a_new_one(reachable, session):
    store = KVStore(reachable, GIB)
    kept(store, state([1, 2]), session)
    found = store.longest(KEY, [1, 2, 3])
    only_file(store).chmod(0o000)
    with as_somebody_else(reachable, 0o777):
        if session:
            assert store.longest(KEY, [1, 2, 3]) is None
        else:
            assert store.load(KEY, found) is None
        assert store.prefix(KEY, [1, 2]) is None
    assert "cannot be read: Permission denied" in store.notes[-1]
    assert list(reachable.iterdir()) == []


def test_files_that_cannot_be_opened_just_now_stay(store, monkeypatch):
    kept(store, state([1, 2]))
    found = store.longest(KEY, [1, 2, 3])

    def too_many(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", too_many)
        assert store.longest(KEY, [1, 2, 3]) is None
        assert store.load(KEY, found) is None
    assert len(store.notes) == 2
    assert store.load(KEY, found) is not None


def test_a_conversation_that_is_removed_while_its_state_is_written_does_not_come_back(
    store, folder
):
    def removed_by_another_program() -> bool:
        KVStore(folder, GIB).remove_sessions(["s"])
        return False

    assert not store.keep(Origin(KEY, "m", "s"), state([1, 2]), removed_by_another_program)
    assert list(folder.iterdir()) == []
    assert store.keep(Origin(KEY, "m", "t"), state([1, 2]), removed_by_another_program)


def test_where_no_folder_can_be_made_nothing_is_kept(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "kv", Path("~/kv")):
        store = KVStore(folder, GIB)
        assert not store.keep(Origin(KEY, "m", "s"), state([1, 2]))
        assert store.longest(KEY, [1, 2, 3]) is None
        assert store.entries() == []
        assert store.clear() == (0, 0)
        assert store.notes


def test_a_disk_that_is_nearly_full_is_left_alone(store, folder, monkeypatch):
    full = shutil.disk_usage("/")._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    assert not store.keep(Origin(KEY, "m", "s"), state([1, 2]))
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of Linux")
def test_a_disk_that_is_full_halfway_leaves_nothing(folder):
    """A limit on the size of files fails a write in its middle, as a full disk does."""
    program = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from pathlib import Path
from tests.engine.test_kv_store import *
store = KVStore(Path({str(folder)!r}), GIB)
assert not store.keep(Origin(KEY, "m", "s"), state([1, 2], 500_000))
assert store.notes
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert list(folder.iterdir()) == []


def test_a_writing_that_is_given_up_leaves_nothing(store, folder):
    asked = iter([False] * 7 + [True] * 99)
    big = state([1, 2], 40 << 20)
    assert not store.keep(Origin(KEY, "m", "s"), big, lambda: next(asked))
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_taken_away_meanwhile_does_no_harm(store, folder):
    kept(store, state([1, 2, 3]))
    found = store.longest(KEY, [1, 2, 3, 4])
    shutil.rmtree(folder)
    assert store.load(KEY, found) is None
    assert store.longest(KEY, [1, 2, 3, 4]) is None
    kept(store, state([1, 2, 3]))
    assert store.longest(KEY, [1, 2, 3, 4]).usable == 3


WRITER = """
import sys
from pathlib import Path
from tests.engine.test_kv_store import *
store = KVStore(Path(sys.argv[1]), 3 << 20)
number = int(sys.argv[2])
print("on", flush=True)
for i in range(int(sys.argv[3])):
    tokens = [i % 3, 1, 2, number]
    store.keep(Origin(KEY, "m", str(i % 3)), state(tokens, 200_000 + number, (2,)))
    found = store.longest(KEY, [i % 3, 1, 2, number, 7])
    if found:
        there = store.load(KEY, found)
        if there is not None:
            n = int(there.tokens[3])
            assert equal(there, state([i % 3, 1, 2, n], 200_000 + n, (2,)))
    if i % 10 == number:
        store.clear()
assert not any("damaged" in note for note in store.notes), store.notes
"""


def test_eight_processes_at_once_never_read_what_another_one_did_not_write(folder):
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(number), "40"])
        for number in range(8)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0] * 8
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 3 << 20
    assert not list(folder.glob(".draft-*"))


def test_a_program_that_is_killed_leaves_whole_files_and_drafts_that_go(folder):
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(folder), "1", "100000"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    (folder / ".draft-old").write_bytes(b"\0" * 1000)
    os.utime(folder / ".draft-old", (0, 0))
    store = KVStore(folder, GIB)
    for entry in store.entries():
        name = int(entry.header.origin.session)
        assert store.load(KEY, store.longest(KEY, [name, 1, 2, 1, 5])) is not None
    kept(store, state([5, 5]))
    assert not store.notes
    assert not (folder / ".draft-old").exists()
