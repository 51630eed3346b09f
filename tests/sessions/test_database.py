"""The file is private, refused when it is not ours, put aside when it is damaged; never lost."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from gptoss_cli.errors import SessionError, SessionGoneError, StoreBusyError, StoreDamagedError
from gptoss_cli.messages import user
from gptoss_cli.sessions import schema, store_file
from gptoss_cli.sessions.records import SessionSettings
from gptoss_cli.sessions.store import open_store
from tests.sessions import program


@pytest.fixture
def no_patience(monkeypatch):
    monkeypatch.setattr(store_file, "PATIENCE_S", 0.05)


def fill(path: Path, messages: int = 300) -> str:
    """Make a store of a megabyte or so; return the id of its session."""
    with open_store(path) as store:
        session_id = store.create("20b", SessionSettings())
        for number in range(messages):
            store.add(session_id, None, user(f"word{number} " * 300))
    return session_id


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.damaged-*"))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_files_are_their_owners_alone_whatever_the_umask(tmp_path, umask):
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "gptoss" / "sessions.db"
    before = os.umask(umask)
    try:
        with open_store(path) as store:
            store.create("20b", SessionSettings())
            found = modes(path.parent)
    finally:
        os.umask(before)
    assert found == dict.fromkeys(("sessions.db", "sessions.db-wal", "sessions.db-shm"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_store_that_others_could_read_is_closed_to_them(path):
    fill(path, 1)
    path.chmod(0o644)
    with open_store(path) as store:
        store.create("20b", SessionSettings())
        assert set(modes(path.parent).values()) == {0o600}


def test_a_folder_that_is_there_stays_as_it_is(path):
    path.parent.chmod(0o755)
    fill(path, 1)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755


def test_a_link_leads_to_the_store(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "disk" / "sessions.db")
    with open_store(tmp_path / "link.db") as store:
        assert store.path == tmp_path / "disk" / "sessions.db"
    assert (tmp_path / "link.db").is_symlink()


def test_a_newer_version_is_refused_untouched(path):
    fill(path, 1)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    content = path.read_bytes()
    with pytest.raises(SessionError, match=r"newer gptoss.*version 99") as error:
        open_store(path)
    assert error.value.hint == "update gptoss"
    assert path.read_bytes() == content
    assert list(modes(path.parent)) == [path.name]


def test_a_newer_version_that_only_the_log_knows_is_refused(path):
    fill(path, 1)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
        with pytest.raises(SessionError, match="newer gptoss"):
            open_store(path)


@pytest.mark.parametrize("application_id", [0, 7])
def test_a_database_of_another_program_is_refused_untouched(path, application_id):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA application_id = {application_id}")
        database.execute("CREATE TABLE t (x)")
    content = path.read_bytes()
    with pytest.raises(SessionError, match="another program") as error:
        open_store(path)
    assert error.value.hint
    assert path.read_bytes() == content
    assert list(modes(path.parent)) == [path.name]


@pytest.mark.parametrize("content", [b"hello", b"\0" * 9000, b"SQLite format 3\0" + b"\xff" * 4000])
def test_what_is_no_database_is_put_aside(path, content):
    path.write_bytes(content)
    with open_store(path) as store:
        (kept,) = aside(path)
        assert kept.read_bytes() == content
        assert str(kept) in store.notice
        assert store.sessions() == []
    with open_store(path) as store:
        assert store.notice is None


def test_what_the_log_of_a_damaged_file_holds_is_not_lost(path, tmp_path):
    copy = tmp_path / "copy" / "sessions.db"
    copy.parent.mkdir()
    with open_store(path) as store:
        store.add(store.create("20b", SessionSettings()), None, user("needle"))
        log = path.with_name("sessions.db-wal").read_bytes()
        assert b"needle" in log
        copy.write_bytes(b"\xaa" * 100 + path.read_bytes()[100:])
    copy.with_name("sessions.db-wal").write_bytes(log)
    with open_store(copy) as store:  # SQLite itself may repair the header from the log
        kept = b"".join(file.read_bytes() for file in aside(copy))
        assert store.search("needle") or b"needle" in kept


def test_what_lies_beside_a_damaged_file_goes_with_it(path):
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).write_text(suffix)
    kept = store_file.put_aside(path, store_file.identity(path))
    assert {file.name.removeprefix(kept.name) for file in aside(path)} == {
        "",
        "-wal",
        "-shm",
        "-journal",
    }
    assert path.name not in modes(path.parent)


def test_a_second_damage_in_the_same_second_replaces_nothing(path, monkeypatch):
    monkeypatch.setattr(store_file.time, "strftime", lambda _: "20261122-120000")
    for content in (b"one", b"two"):
        path.write_bytes(content)
        open_store(path).close()
    assert sorted(file.read_bytes() for file in aside(path)) == [b"one", b"two"]


def test_a_truncated_store_is_put_aside(path):
    session_id = fill(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with open_store(path) as store:
        assert len(aside(path)) == 1
        assert store.notice
        with pytest.raises(SessionGoneError):
            store.load(session_id)


def test_an_empty_file_is_a_new_store(path):
    path.touch(0o644)
    with open_store(path) as store:
        assert store.notice is None
        assert store.create("20b", SessionSettings())


def test_damage_found_at_work_puts_the_store_aside_and_goes_on(path):
    session_id = fill(path)
    page = 4096
    with path.open("r+b") as file:
        for place in range(8 * page, path.stat().st_size, page):  # the tables' roots stay
            file.seek(place)
            file.write(b"\xaa" * 64)
    with open_store(path) as store:
        assert store.notice is None  # nobody looked
        with pytest.raises(StoreDamagedError, match="damaged-"):
            store.load(session_id)
        assert len(aside(path)) == 1
        with pytest.raises(SessionGoneError):
            store.add(session_id, None, user("more"))
        again = store.create("20b", SessionSettings())
        store.add(again, None, user("more"))
    with open_store(path) as store:
        assert [info.id for info in store.sessions()] == [again]


def test_a_program_that_comes_second_to_damage_leaves_the_new_store(path):
    fill(path)
    judged = store_file.identity(path)
    path.rename(path.with_name("elsewhere"))
    fill(path, 1)
    assert store_file.put_aside(path, judged) is None
    assert path.exists()


def test_a_damaged_index_is_made_anew(path):
    session_id = fill(path, 30)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE said_data SET block = x'00ff00ff' WHERE id > 1000")
    with open_store(path) as store:
        with pytest.raises(SessionError, match="made anew") as error:
            store.search("word7")
        assert error.value.hint == "try again"
        assert [hit.session.id for hit in store.search("word7")] == [session_id]
        assert len(store.load(session_id).messages) == 30
    assert aside(path) == []


def test_who_waits_for_another_program_can_be_told_to_wait_no_longer(path):
    session_id = fill(path, 1)
    with open_store(path) as store, contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.patience_s = 60.0
        hurry = threading.Timer(0.1, lambda: setattr(store, "patience_s", 0.0))
        hurry.start()
        with pytest.raises(StoreBusyError):  # not after a minute, which the test would not last
            store.add(session_id, None, user("x"))
        hurry.join()


@pytest.mark.usefixtures("no_patience")
def test_a_store_that_another_program_holds_is_a_clear_error(path):
    session_id = fill(path, 1)
    with open_store(path) as store, contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="another program is writing") as error:
            store.add(session_id, None, user("x"))
        assert error.value.hint
        assert len(store.load(session_id).messages) == 1  # reading goes on
        other.execute("ROLLBACK")
        store.add(session_id, None, user("x"))


def test_a_store_that_somebody_removed_is_begun_anew(path):
    session_id = fill(path, 1)
    with open_store(path) as store:
        path.unlink()
        with pytest.raises(SessionGoneError):
            store.add(session_id, None, user("more"))
        again = store.create("20b", SessionSettings())
    with open_store(path) as store:
        assert [info.id for info in store.sessions()] == [again]
        assert set(modes(path.parent).values()) == {0o600}


@pytest.mark.usefixtures("no_patience")
def test_a_program_that_hangs_while_it_opens_the_store_is_a_clear_error(path):
    fill(path, 1)
    with store_file.alone_in(path.parent):
        with pytest.raises(SessionError, match="another program is opening") as error:
            open_store(path)
        assert error.value.hint
    open_store(path).close()


@pytest.mark.usefixtures("no_patience")
def test_a_reader_that_keeps_traces_in_the_log_is_told(path):
    session_id = fill(path, 1)
    with open_store(path) as store, contextlib.closing(sqlite3.connect(path)) as other:
        store.add(session_id, None, user("secret"))
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM message").fetchone()
        with pytest.raises(SessionError, match="traces"):
            store.remove([session_id])
        assert store.sessions() == []


def test_a_path_below_a_file_is_a_clear_error(path):
    path.touch()
    with pytest.raises(SessionError, match="cannot be used") as error:
        open_store(path / "sessions.db")
    assert "--no-save" in error.value.hint


def test_a_folder_in_the_place_of_the_file_is_a_clear_error(path):
    path.mkdir()
    with pytest.raises(SessionError, match="cannot be used"):
        open_store(path)


@pytest.mark.parametrize("with_store", [False, True])
def test_a_folder_that_cannot_be_written_is_a_clear_error(with_store):
    # pytest's own folders are closed to the user that the program becomes.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sessions.db"
        if with_store:
            fill(path, 1)
            if os.getuid() == 0:
                os.chown(path, 65534, 65534)
        ((kind, sentence, hint),) = program.said(program.start("open_as_nobody", path))
        Path(folder).chmod(0o700)
    assert kind == "SessionError"
    assert str(path) in sentence
    assert "--no-save" in hint


def test_a_disk_that_fills_up_loses_nothing(path):
    limit = 600_000
    (kind, sentence, hint), (kept, found) = program.said(program.start("fill_disk", path, limit))
    assert kind == "SessionError"
    assert "disk" in sentence
    assert "free some space" in hint
    assert kept == found > 10
    with open_store(path) as store:
        assert len(store.load(store.last().id).path()) == kept + 1


def test_a_full_disk_at_the_start_is_a_clear_error(path):
    ((kind, sentence, _),) = program.said(program.start("open_limited", path, 8192))
    assert kind == "SessionError"
    assert "disk" in sentence
    with open_store(path) as store:  # what was begun is no obstacle
        assert store.notice is None
        assert store.create("20b", SessionSettings())


def test_a_migration_that_fails_leaves_the_older_version(path):
    fill(path, 1)

    def fail(database):
        database.execute("ALTER TABLE session ADD COLUMN new TEXT")
        raise OSError

    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        with pytest.raises(OSError):  # noqa: PT011  nothing else raises it
            schema.migrate(database, (*schema.MIGRATIONS, fail))
        assert schema.version_of(database) == schema.VERSION
        assert "new" not in [row[1] for row in database.execute("PRAGMA table_info(session)")]


def test_migrations_run_once_each_in_order(path):
    fill(path, 1)
    ran = []
    steps = (*schema.MIGRATIONS, lambda _: ran.append(1), lambda _: ran.append(2))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        schema.migrate(database, steps)
        schema.migrate(database, steps)
        assert schema.version_of(database) == schema.VERSION + 2
    assert ran == [1, 2]
