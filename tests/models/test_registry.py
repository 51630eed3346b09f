"""A name leads to a file, and every file has a name that leads back to it."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import pytest

from gptoss_cli.errors import NoModelError, UsageError
from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.importer import import_model
from gptoss_cli.models.library import Library
from gptoss_cli.models.names import CATALOG, DEFAULT_ENDPOINT
from gptoss_cli.models.registry import DEMO_FILE, Registry

REPO = CATALOG["20b"]
COMMIT, OTHER_COMMIT = "1" * 40, "2" * 40


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    cache = CacheFolder(tmp_path / "hub")
    return Registry(cache, Library(tmp_path / "data"), endpoint=DEFAULT_ENDPOINT)


def put(registry, path, *, repo_id=REPO, commit=COMMIT, revision="main", fill="a"):
    """Put a file into the cache as a pull does."""
    etag = fill * 64
    registry.cache.prepare(repo_id)
    shutil.copy(DEMO_FILE, registry.cache.blob_path(repo_id, etag))
    return registry.cache.link(repo_id, commit=commit, path=path, etag=etag, revision=revision)


def names(registry):
    return [entry.name for entry in registry.installed()]


def test_demo_is_always_there(registry):
    assert registry.resolve("demo") == DEMO_FILE
    assert names(registry) == []


def test_a_damaged_library_stops_neither_demo_nor_the_catalog(registry):
    place = put(registry, "gpt-oss-20b-mxfp4.gguf")
    registry.library.folder.mkdir()
    (registry.library.folder / "models.json").write_text("{")
    assert registry.resolve("demo") == DEMO_FILE
    assert registry.resolve("20b") == place


def test_hangul_from_a_disk_that_takes_it_apart_is_the_same_name(registry, tmp_path):
    source = Path(shutil.copy(DEMO_FILE, tmp_path / unicodedata.normalize("NFD", "내모델.gguf")))
    import_model(source, None, registry.library)
    assert names(registry) == ["내모델"]
    assert registry.resolve("내모델") == source


def test_a_path_needs_no_registration(registry, tmp_path):
    path = Path(shutil.copy(DEMO_FILE, tmp_path / "x.gguf"))
    assert registry.resolve(str(path)) == path
    assert registry.resolve("./none.gguf") == Path("./none.gguf")


def test_nothing_installed_names_both_ways_on(registry):
    with pytest.raises(NoModelError, match="no model is installed") as error:
        registry.resolve(None)
    assert "gptoss pull 20b" in error.value.hint
    assert "gptoss run -m demo" in error.value.hint


def test_the_only_model_is_the_default(registry):
    place = put(registry, "gpt-oss-20b-mxfp4.gguf")
    assert registry.resolve(None) == place
    assert [(e.name, e.is_default) for e in registry.installed()] == [("20b", True)]


def test_several_models_need_a_choice(registry):
    put(registry, "gpt-oss-20b-mxfp4.gguf")
    other = put(registry, "gpt-oss-120b-MXFP4.gguf", repo_id=CATALOG["120b"])
    with pytest.raises(NoModelError, match="120b, 20b") as error:
        registry.resolve(None)
    assert "models use" in error.value.hint
    assert registry.use("120b").name == "120b"
    assert registry.resolve(None) == other
    assert [(e.name, e.is_default) for e in registry.installed()] == [
        ("120b", True),
        ("20b", False),
    ]


def test_a_default_that_is_gone_is_told(registry):
    put(registry, "gpt-oss-20b-mxfp4.gguf")
    registry.use("20b")
    shutil.rmtree(registry.cache.root)
    with pytest.raises(NoModelError, match="not here any more: 20b") as error:
        registry.resolve(None)
    assert "gptoss pull 20b" in error.value.hint


def test_a_model_that_is_not_here_names_the_command(registry):
    with pytest.raises(NoModelError) as error:
        registry.resolve("120b")
    assert error.value.hint == "gptoss pull 120b"


def test_another_quantization_that_is_here_is_named(registry):
    put(registry, "gpt-oss-20b-Q4_K_M.gguf")
    with pytest.raises(NoModelError) as error:
        registry.resolve("20b:Q8_0")
    assert "gptoss pull 20b:Q8_0" in error.value.hint
    assert "20b:Q4_K_M" in error.value.hint


def test_each_of_many_has_a_name_that_leads_back(registry, tmp_path):
    put(registry, "gpt-oss-20b-mxfp4.gguf", fill="a")
    put(registry, "gpt-oss-20b-Q4_K_M.gguf", fill="b")
    put(registry, "gpt-oss-20b-mxfp4.gguf", commit=OTHER_COMMIT, revision=None, fill="c")
    put(registry, "more/a.gguf", repo_id="org/odd", fill="d")
    put(registry, "more/b.gguf", repo_id="org/odd", fill="e")
    source = Path(shutil.copy(DEMO_FILE, tmp_path / "내모델.gguf"))
    import_model(source, None, registry.library)
    entries = registry.installed()
    assert len(entries) == 6
    assert len({entry.name for entry in entries}) == 6
    for entry in entries:
        assert registry.resolve(entry.name) == entry.path
    assert "20b" in names(registry)
    assert "내모델" in names(registry)


def test_an_imported_name_wins_over_nothing_it_should_not(registry, tmp_path, monkeypatch):
    source = Path(shutil.copy(DEMO_FILE, tmp_path / "mine.gguf"))
    import_model(source, "mine", registry.library)
    assert registry.resolve("mine") == source
    assert registry.resolve("MINE") == source
    assert registry.resolve("demo") == DEMO_FILE


def test_a_path_cannot_be_the_default(registry, tmp_path):
    path = Path(shutil.copy(DEMO_FILE, tmp_path / "x.gguf"))
    with pytest.raises(UsageError) as error:
        registry.use(str(path))
    assert "models import" in error.value.hint


def test_a_folder_never_hides_a_model(registry, tmp_path, monkeypatch):
    place = put(registry, "a-Q4_0.gguf", repo_id="org/repo")
    put(registry, "a-Q4_0.gguf", repo_id="org/other", fill="b")
    registry.use("org/repo")
    (tmp_path / "org" / "repo").mkdir(parents=True)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert registry.resolve("org/repo") == registry.resolve(None) == place
    assert registry.lasting_name("org/repo") == "org/repo"
    assert registry.resolve("folder") == Path("folder")
    (tmp_path / "org" / "repo").rmdir()
    shutil.copy(DEMO_FILE, tmp_path / "org" / "repo")
    assert registry.resolve("org/repo") == Path("org/repo")
    assert registry.resolve(None) == place  # chosen by its name, wherever that is read
    assert [entry.is_default for entry in registry.installed()] == [False, True]


def test_half_a_model_is_none(registry):
    put(registry, "gpt-oss-20b-mxfp4-00001-of-00003.gguf")
    assert names(registry) == []
    with pytest.raises(NoModelError) as error:
        registry.resolve("20b")
    assert "gptoss pull 20b" in error.value.hint
