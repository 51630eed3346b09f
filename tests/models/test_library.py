"""What a person arranged is kept whole, whoever writes at once and whatever stands in the file."""

from __future__ import annotations

import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest

from gptoss_cli.errors import GptossError
from gptoss_cli.models.library import Hold, Imported, ImportedPart, Library, Shelf

MINE = Imported("내모델", Hold.COPY, (ImportedPart(Path("/a/b.gguf"), 5, "ab" * 32),))


def add(folder: Path, number: int) -> None:
    with Library(folder).edit() as editor:
        model = replace(MINE, name=f"m{number}")
        editor.shelf = replace(editor.shelf, imported=(*editor.shelf.imported, model))


def fail_in_between(library: Library) -> None:
    with library.edit() as editor:
        editor.shelf = Shelf("20b")
        raise KeyError


def test_an_absent_file_is_an_empty_shelf(tmp_path):
    assert Library(tmp_path / "none").read() == Shelf()
    assert not (tmp_path / "none").exists()


def test_what_is_written_is_read_again(tmp_path):
    library = Library(tmp_path)
    shelf = Shelf("내모델", (MINE,))
    with library.edit() as editor:
        editor.shelf = shelf
    assert library.read() == shelf
    assert shelf.find("내모델") is shelf.imported[0]


def test_without_a_model_it_is_no_default_either():
    assert Shelf("내모델", (MINE,)).without("내모델") == Shelf()
    assert Shelf("20b", (MINE,)).without("내모델").default == "20b"


def test_many_writers_lose_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=add, args=(tmp_path, n)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {m.name for m in Library(tmp_path).read().imported} == {f"m{n}" for n in range(8)}


def test_an_error_in_between_writes_nothing(tmp_path):
    library = Library(tmp_path)
    with pytest.raises(KeyError):
        fail_in_between(library)
    assert library.read() == Shelf()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 2, "default": null, "imported": []}',
        '{"version": 1, "default": 5, "imported": []}',
        '{"version": 1, "default": null, "imported": [{"name": "x", "hold": "?", "parts": []}]}',
        '{"version": 1, "default": null, "imported": 7}',
        "[" * 100_000,
        "\ufeff\x00",
    ],
)
def test_a_damaged_file_is_a_clear_error_and_stays(tmp_path, content):
    file = tmp_path / "models.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(GptossError, match=r"models\.json") as error:
        Library(tmp_path).read()
    assert "move it away" in error.value.hint
    with pytest.raises(GptossError), Library(tmp_path).edit():
        pass
    assert file.read_text(encoding="utf-8") == content


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(GptossError, match="cannot be used"), Library(tmp_path / "file").edit():
        pass


def test_a_path_that_is_not_utf8_comes_back(tmp_path):
    path = Path(os.fsdecode("/모델".encode("cp949")))
    with Library(tmp_path).edit() as editor:
        editor.shelf = Shelf(None, (replace(MINE, parts=(ImportedPart(path, 5),)),))
    assert Library(tmp_path).read().imported[0].path == path


def test_the_file_is_text_a_person_can_read(tmp_path):
    with Library(tmp_path).edit() as editor:
        editor.shelf = Shelf("내모델", (MINE,))
    text = (tmp_path / "models.json").read_text(encoding="utf-8")
    assert "내모델" in text
    assert json.loads(text)["version"] == 1
