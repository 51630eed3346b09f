"""A file of one's own gets a name: in place, linked or copied; what fails leaves nothing behind."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import shutil
from pathlib import Path

import pytest

from gptoss_cli.errors import DiskFullError, GptossError, ModelFileError, UsageError
from gptoss_cli.models.importer import forget, import_model
from gptoss_cli.models.library import Hold, Library
from gptoss_cli.models.registry import DEMO_FILE


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "data")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return Path(shutil.copy(DEMO_FILE, tmp_path / "my.gguf"))


def test_in_place_takes_no_room_and_removes_nothing(library, source):
    imported = import_model(source, "mine", library)
    assert (imported.path, imported.hold) == (source, Hold.IN_PLACE)
    assert library.read().imported == (imported,)
    assert forget(imported, library) == 0
    assert source.exists()
    assert library.read().imported == ()


def test_a_link_outlives_the_original(library, source):
    content = source.read_bytes()
    imported = import_model(source, "mine", library, hold=Hold.LINK)
    assert imported.path.samefile(source)
    source.unlink()
    assert imported.path.read_bytes() == content
    assert forget(imported, library) == len(content)
    assert not imported.path.exists()


def test_a_copy_is_whole_and_hashed(library, source):
    reports = []
    imported = import_model(
        source, None, library, hold=Hold.COPY, report=lambda *told: reports.append(told)
    )
    assert imported.name == "my"
    assert imported.path.read_bytes() == source.read_bytes()
    assert imported.parts[0].sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert reports[-1] == (source.stat().st_size,) * 2


def test_a_relative_path_is_kept_whole(library, source, monkeypatch):
    monkeypatch.chdir(source.parent)
    assert import_model(Path("my.gguf"), None, library).path == source


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "-x", "a b", "x" * 65, "a\nb", "a:b"])
def test_names_that_could_be_paths_or_options_are_refused(library, source, name):
    with pytest.raises(UsageError) as error:
        import_model(source, name or " ", library)
    assert "--name" in error.value.hint


@pytest.mark.parametrize("name", ["demo", "DEMO", "20b", "120B", "safeguard-20b"])
def test_names_of_other_models_are_refused(library, source, name):
    with pytest.raises(UsageError, match="another model"):
        import_model(source, name, library)


def test_a_name_is_given_once(library, source):
    import_model(source, "내모델", library)
    with pytest.raises(UsageError, match="already") as error:
        import_model(source, "내모델", library)
    assert "rm 내모델" in error.value.hint


def test_what_is_no_model_is_not_imported(library, tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelFileError):
        import_model(tmp_path / "x.gguf", "x", library)
    assert library.read().imported == ()


def test_a_disk_that_fills_leaves_nothing(library, source):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(DiskFullError):
            import_model(source, "mine", library, hold=Hold.COPY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (library.folder / "models" / "mine").exists()
    assert library.read().imported == ()


def test_another_disk_cannot_be_linked_to(library, source):
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == source.stat().st_dev:
        pytest.fail("this test needs /dev/shm on a disk of its own")
    elsewhere = Library(other / f"gptoss-test-{os.getpid()}")
    try:
        with pytest.raises(GptossError) as error:
            import_model(source, "mine", elsewhere, hold=Hold.LINK)
        assert "--copy" in error.value.hint
    finally:
        shutil.rmtree(elsewhere.folder, ignore_errors=True)


def test_what_a_killed_import_left_is_removed_by_the_next(library, source):
    left = library.folder / "models" / ".0123456789abcdef.new"
    left.mkdir(parents=True)
    (left / "my.gguf").write_bytes(b"half")
    imported = import_model(source, "mine", library, hold=Hold.COPY)
    assert imported.path.read_bytes() == source.read_bytes()
    assert [path.name for path in left.parent.iterdir()] == ["mine"]


@pytest.mark.parametrize("hold", [Hold.COPY, Hold.LINK])
def test_the_only_copy_gets_its_name_back_when_the_list_was_lost(library, source, hold):
    content = source.read_bytes()
    copy = import_model(source, "mine", library, hold=hold).path
    source.unlink()
    (library.folder / "models.json").unlink()
    imported = import_model(copy, "mine", library, hold=hold)
    assert imported.path == copy
    assert imported.parts[0].sha256 == hashlib.sha256(content).hexdigest()
    assert copy.read_bytes() == content
    assert forget(imported, library) == len(content)
    assert not copy.parent.exists()


def test_a_folder_that_is_somebody_elses_is_refused_and_stays(library, source):
    other = library.folder / "models" / "mine" / "precious.txt"
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    for hold in (Hold.COPY, Hold.LINK):
        with pytest.raises(UsageError, match="there already") as error:
            import_model(source, "mine", library, hold=hold)
        assert "--name" in error.value.hint
    assert other.read_text() == "mine"


def test_forgetting_removes_what_was_brought_and_nothing_else(library, source):
    imported = import_model(source, "mine", library, hold=Hold.COPY)
    other = imported.path.with_name("precious.txt")
    other.write_text("mine")
    forget(imported, library)
    assert not imported.path.exists()
    assert other.exists()


def test_forgetting_leaves_a_file_that_another_name_means(library, source):
    first = import_model(source, "first", library, hold=Hold.COPY)
    second = import_model(first.path, "second", library)
    assert forget(first, library) == 0
    assert second.path.exists()


def test_a_list_that_cannot_be_written_leaves_nothing_of_an_import(library, source, monkeypatch):
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gptoss_cli.models.library.os.fsync", full)
    with pytest.raises(DiskFullError) as error:
        import_model(source, "mine", library, hold=Hold.LINK)
    assert "move it away" not in error.value.hint
    assert not (library.folder / "models" / "mine").exists()
    assert not (library.folder / "models.new").exists()
    assert source.exists()
