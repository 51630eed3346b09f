"""The cache is read as huggingface_hub made it, and left so that it can read it again."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants, hf_hub_download, scan_cache_dir
from huggingface_hub.utils import _shared_blobs

from gptoss_cli.errors import DownloadError, GptossError, NoModelError
from gptoss_cli.models.cache.contents import CachedModel, CacheListing
from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.cache.removal import remove
from gptoss_cli.models.choice import Unclear, Undecided
from gptoss_cli.models.names import HubModel, parse
from gptoss_cli.models.transfer.partial import Partial
from tests.support.hub import FakeHub

REPO = "org/gpt-oss-20b-GGUF"
WEIGHTS = "gpt-oss-20b-mxfp4.gguf"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER_COMMIT = "f" * 40


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an empty cache; huggingface_hub asks nobody but the hub it is given."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    return tmp_path / "cache" / "hub"


def download(hub: FakeHub, root: Path, repo_id: str, path: str, revision: str = "main") -> Path:
    """Let huggingface_hub itself put a file into the cache."""
    return Path(
        hf_hub_download(
            repo_id,
            path,
            revision=revision,
            cache_dir=root,
            endpoint=hub.endpoint,
            token=False,
            tqdm_class=None,
        )
    )


def put(
    root: Path,
    content: bytes,
    path: str = WEIGHTS,
    *,
    repo_id: str = REPO,
    commit: str = COMMIT,
    revision: str | None = "main",
    symlinks: bool = True,
) -> Path:
    """Put a file into the cache as a pull of this program does."""
    cache = CacheFolder(root, symlinks=symlinks)
    cache.prepare(repo_id)
    etag = hashlib.sha256(content).hexdigest()
    cache.blob_path(repo_id, etag).write_bytes(content)
    return cache.link(repo_id, commit=commit, path=path, etag=etag, revision=revision)


def only_model(root: Path) -> CachedModel:
    (model,) = CacheFolder(root).scan().models
    return model


def blobs(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("models--*/blobs/*"))


def described(root: Path) -> dict[tuple[str, str], tuple[frozenset[str], dict[Path, Path], int]]:
    """What huggingface_hub's own scanner finds: commit by commit, GGUF files and their blobs."""
    info = scan_cache_dir(root)
    assert not info.warnings, info.warnings
    return {
        (repo.repo_id, revision.commit_hash): (
            revision.refs,
            {f.file_path: f.blob_path for f in revision.files if f.file_name.endswith(".gguf")},
            sum(f.size_on_disk for f in revision.files if f.file_name.endswith(".gguf")),
        )
        for repo in info.repos
        for revision in repo.revisions
    }


def test_what_huggingface_hub_downloaded_is_listed_as_its_own_scanner_does(hub, root):
    weights, large = b"GGUF" + b"a" * 5000, [b"GGUF" + bytes([no]) * 3000 for no in range(2)]
    parts = {f"Q4_0/large-Q4_0-0000{no + 1}-of-00002.gguf": large[no] for no in range(2)}
    hub.add(REPO, {WEIGHTS: weights, "README.md": b"read me"})
    hub.add(REPO, {WEIGHTS: weights, "new.gguf": b"GGUFnew"}, revision="v2")
    hub.add("org/large", parts)
    hub.add("org/text", {"model.safetensors": b"no GGUF"})
    for repo_id, path, revision in [
        (REPO, WEIGHTS, "main"),
        (REPO, "README.md", "main"),
        (REPO, WEIGHTS, "v2"),
        (REPO, "new.gguf", "v2"),
        *[("org/large", path, "main") for path in parts],
        ("org/text", "model.safetensors", "main"),
    ]:
        download(hub, root, repo_id, path, revision)
    listing = CacheFolder(root).scan()
    ours: dict[tuple[str, str], tuple[frozenset[str], dict[Path, Path | None], int]] = {}
    for model in [each for m in listing.models for each in (m, *m.copies)]:
        key = (model.repo_id, model.commit)
        _, files, size = ours.get(key, (frozenset(), {}, 0))
        files |= {file.location: file.blob for file in model.files}
        ours[key] = (frozenset(model.revisions), files, size + model.size_bytes)
    assert ours == {key: told for key, told in described(root).items() if told[1]}
    assert [len(model.copies) for model in listing.models] == [1, 0, 0]
    assert (listing.unfinished, listing.partials, listing.skipped) == ((), (), ())
    # The weights of both revisions are one blob, and take their room once.
    assert listing.weights_bytes == len(weights) + len(b"GGUFnew") + 2 * len(large[0])


def test_an_absent_or_empty_cache_has_no_models(root):
    assert not CacheFolder(root).scan().models
    root.mkdir(parents=True)
    (root / "version.txt").write_text("1")
    assert not CacheFolder(root).scan().models


def test_a_cache_that_may_not_be_read_is_said_so(root, monkeypatch):
    def refused(_folder):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "scandir", refused)
    for ask in (lambda: CacheFolder(root).scan(), lambda: CacheFolder(root).find(HubModel("a/b"))):
        with pytest.raises(NoModelError, match="cannot be read: Permission denied"):
            ask()


def test_repositories_of_the_first_years_are_no_models_and_no_notes(root):
    (root / "models--gpt2" / "snapshots").mkdir(parents=True)
    assert CacheFolder(root).scan() == CacheListing()


def test_a_pipe_in_place_of_a_journal_is_not_waited_for(root):
    folder = root / "models--org--repo" / "blobs"
    folder.mkdir(parents=True)
    (folder / "abc.gptoss.incomplete").touch()
    os.mkfifo(folder / "abc.gptoss.journal")
    (partial,) = CacheFolder(root).scan().partials
    assert not partial.resumable


def test_what_is_linked_here_is_found_by_huggingface_hub_without_the_network(root):
    place = put(root, b"GGUF weights", "Q4_0/a-Q4_0.gguf")
    assert described(root)[REPO, COMMIT][0] == {"main"}
    found = hf_hub_download(REPO, "Q4_0/a-Q4_0.gguf", cache_dir=root, local_files_only=True)
    assert Path(found) == place
    assert place.read_bytes() == b"GGUF weights"
    assert not place.readlink().is_absolute()  # the cache can be moved
    assert (
        (root / "CACHEDIR.TAG")
        .read_text()
        .startswith("Signature: 8a477f597d28d172789f06886806bc55")
    )


def test_linking_again_changes_nothing_and_a_new_commit_moves_the_branch(root):
    put(root, b"GGUF old")
    put(root, b"GGUF old")
    put(root, b"GGUF new", commit=OTHER_COMMIT)
    told = described(root)
    assert told[REPO, COMMIT][0] == set()
    assert told[REPO, OTHER_COMMIT][0] == {"main"}
    found = CacheFolder(root).find(HubModel(REPO))
    assert isinstance(found, CachedModel)
    assert found.path.read_bytes() == b"GGUF new"
    repo = root / "models--org--gpt-oss-20b-GGUF"
    assert {path.name for path in repo.iterdir()} == {"blobs", "refs", "snapshots"}


def test_a_disk_without_links_keeps_the_bytes_in_the_snapshot(root, monkeypatch):
    place = put(root, b"GGUF weights", symlinks=False)
    assert not place.is_symlink()
    assert put(root, b"GGUF weights", symlinks=False) == place
    model = only_model(root)
    assert (model.size_bytes, model.files[0].blob) == (12, place)
    assert described(root)[REPO, COMMIT][1] == {place: place}
    assert remove(CacheFolder(root), [model]) == 12
    assert not list(root.glob("models--*"))


def test_a_blob_that_is_linked_to_is_not_moved_away(root):
    first = put(root, b"GGUF weights")
    second = put(root, b"GGUF weights", commit=OTHER_COMMIT, symlinks=False)
    assert first.read_bytes() == second.read_bytes() == b"GGUF weights"


def test_a_split_model_counts_when_all_its_parts_are_there(root):
    for no in (1, 3):
        put(root, b"GGUF%d" % no, f"large-0000{no}-of-00003.gguf")
    listing = CacheFolder(root).scan()
    assert not listing.models
    assert [(m.name, m.missing_parts) for m in listing.unfinished] == [("large", 1)]
    result = CacheFolder(root).find(HubModel(REPO))
    assert isinstance(result, Undecided)
    assert result.why is Unclear.PARTS_MISSING
    put(root, b"GGUF2", "large-00002-of-00003.gguf")
    model = only_model(root)
    assert [file.path[-20:] for file in model.files] == [
        f"-0000{no}-of-00003.gguf" for no in (1, 2, 3)
    ]
    assert model.path.name == "large-00001-of-00003.gguf"


def test_links_to_nothing_and_what_is_no_file_are_no_models(root):
    place = put(root, b"GGUF weights")
    place.resolve().unlink()
    os.mkfifo(place.with_name("pipe.gguf"))
    place.with_name("folder.gguf").mkdir()
    assert CacheFolder(root).scan().models == ()


def test_unfinished_downloads_are_listed_with_what_is_there_of_them(root):
    put(root, b"GGUF weights")
    blob = CacheFolder(root).blob_path(REPO, "a" * 64)
    partial = Partial(blob, size_bytes=1 << 20, etag="a" * 64)
    with partial.writer(512 << 10, 1 << 20) as writer:
        writer.add(b"x" * 4096)
    partial.close()
    foreign = blob.with_name("b" * 64 + ".01234567.incomplete")
    foreign.write_bytes(b"y" * 4096)
    listing = CacheFolder(root).scan()
    ours, theirs = listing.partials
    assert (ours.etag, ours.done_bytes, ours.expected_bytes) == ("a" * 64, 4096, 1 << 20)
    assert ours.resumable
    assert ours.size_bytes < 1 << 19  # the hole before it takes no room
    assert (theirs.etag, theirs.done_bytes, theirs.expected_bytes) == ("b" * 64, 4096, None)
    assert not theirs.resumable
    assert listing.partial_bytes == ours.size_bytes + theirs.size_bytes
    scanned = {file.file_path for file in scan_cache_dir(root).incomplete_files}
    assert scanned == {ours.path, theirs.path}
    assert remove(CacheFolder(root), listing.partials) == listing.partial_bytes
    assert blobs(root) == [hashlib.sha256(b"GGUF weights").hexdigest()]


def test_a_name_finds_its_files_by_branch_commit_quantization_and_file(root):
    put(root, b"GGUF 1", "a-Q4_0.gguf", revision="v1")
    put(root, b"GGUF 2", "a-Q8_0.gguf", commit=OTHER_COMMIT)
    put(root, b"GGUF 3", "a-MXFP4.gguf", commit=OTHER_COMMIT)

    def found(name: str) -> bytes | Unclear:
        model = parse(name)
        assert isinstance(model, HubModel)
        result = CacheFolder(root).find(model)
        return result.path.read_bytes() if isinstance(result, CachedModel) else result.why

    assert found(REPO) == b"GGUF 3"
    assert found(REPO.upper()) == b"GGUF 3"
    assert found(f"{REPO}:Q8_0") == b"GGUF 2"
    assert found(f"{REPO}/a-Q8_0.gguf") == b"GGUF 2"
    assert found(f"{REPO}@v1") == b"GGUF 1"
    assert found(f"{REPO}@{COMMIT}") == found(f"{REPO}@{COMMIT[:8]}") == b"GGUF 1"
    assert found(f"{REPO}:Q4_0") == b"GGUF 1"  # not on the default branch, but here
    assert found(f"{REPO}@main:Q4_0") is Unclear.NOT_THERE
    assert found(f"{REPO}@v3") is Unclear.NOT_THERE
    assert found("org/else") is Unclear.NOT_THERE


HOSTILE_FILES = [
    "../../../../evil.gguf",
    "/etc/evil.gguf",
    "a/../../../evil.gguf",
    "..\\..\\evil.gguf",
    "C:\\evil.gguf",
    "C:evil.gguf",
    "\\\\host\\share\\evil.gguf",
    "a\x00.gguf",
    "a\n.gguf",
    "a/./b.gguf",
    "a//b.gguf",
    "",
    "AUX.gguf",
    "x" * 256 + ".gguf",
    "/".join(["x" * 200] * 9) + ".gguf",
]


@pytest.mark.parametrize("path", HOSTILE_FILES)
def test_no_file_of_the_hub_gets_a_place_outside_its_snapshot(root, path):
    with pytest.raises(DownloadError):
        put(root, b"GGUF", path)
    assert not list(root.parent.rglob("*evil*"))


@pytest.mark.parametrize(
    "names",
    [
        {"repo_id": "../evil"},
        {"repo_id": "a/b/c"},
        {"repo_id": "evil"},
        {"repo_id": "a/.."},
        {"commit": "../../evil"},
        {"commit": "main"},
        {"commit": ""},
        {"revision": "../../../evil"},
        {"revision": "/evil"},
        {"revision": ""},
    ],
)
def test_no_other_name_of_the_hub_leads_out_of_the_cache_either(root, names):
    with pytest.raises(DownloadError):
        put(root, b"GGUF", **names)
    assert not list(root.parent.rglob("*evil*"))


@pytest.mark.parametrize(
    "etag", ["../x", "", 'a"b', "a/b", "x" * 200, "a.incomplete", "a.lock", "."]
)
def test_an_etag_that_is_no_hash_names_no_blob(root, etag):
    with pytest.raises(DownloadError):
        CacheFolder(root).blob_path(REPO, etag)


def test_the_lock_is_the_one_huggingface_hub_takes(hub, root):
    hub.add(REPO, {WEIGHTS: b"GGUF"})
    download(hub, root, REPO, WEIGHTS)
    etag = hub.file(REPO, WEIGHTS).etag
    assert CacheFolder(root).lock_path(REPO, etag) in list(root.glob(".locks/*/*"))


def test_nothing_is_written_through_a_link(root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    root.mkdir(parents=True)
    (root / "models--org--linked").symlink_to(outside)
    with pytest.raises(DownloadError, match="is a link"):
        put(root, b"GGUF", repo_id="org/linked")
    put(root, b"GGUF")
    snapshot = root / "models--org--gpt-oss-20b-GGUF" / "snapshots" / COMMIT
    (snapshot / "sub").symlink_to(outside)
    with pytest.raises(DownloadError, match="is a link"):
        put(root, b"GGUF", "sub/a.gguf")
    assert not list(outside.iterdir())


def test_the_cache_itself_may_be_a_link_to_a_larger_disk(root, tmp_path):
    (tmp_path / "large").mkdir()
    root.parent.mkdir(parents=True)
    root.symlink_to(tmp_path / "large")
    put(root, b"GGUF")
    assert remove(CacheFolder(root), [only_model(root)]) == 4


def test_a_cache_that_cannot_be_written_says_so(root):
    root.parent.mkdir(parents=True)
    root.write_text("a file, no folder")
    with pytest.raises(DownloadError) as error:
        CacheFolder(root).prepare(REPO)
    assert str(root.parent) in str(error.value)


def test_removing_a_revision_keeps_the_bytes_that_another_one_uses(root):
    put(root, b"GGUF shared")
    put(root, b"GGUF shared", commit=OTHER_COMMIT, revision="v2")
    put(root, b"GGUF own bytes", "own.gguf", commit=OTHER_COMMIT, revision="v2")
    shared, own = CacheFolder(root).scan().models
    of_v2 = [own, *shared.copies]
    assert [model.revisions for model in of_v2] == [("v2",), ("v2",)]
    expected = scan_cache_dir(root).delete_revisions(OTHER_COMMIT).expected_freed_size
    assert remove(CacheFolder(root), of_v2) == expected == len(b"GGUF own bytes")
    assert set(described(root)) == {(REPO, COMMIT)}
    assert only_model(root).path.read_bytes() == b"GGUF shared"
    assert not (root / "models--org--gpt-oss-20b-GGUF" / "refs" / "v2").exists()


def test_the_same_bytes_at_two_commits_are_one_model_and_removed_together(root):
    put(root, b"GGUF shared")
    put(root, b"GGUF shared", "renamed-mxfp4.gguf", commit=OTHER_COMMIT)
    model = only_model(root)
    assert (model.commit, model.revisions) == (OTHER_COMMIT, ("main",))
    found = CacheFolder(root).find(HubModel(REPO, revision=COMMIT))
    assert isinstance(found, CachedModel)
    assert [copy.commit for copy in found.copies] == [OTHER_COMMIT]
    assert remove(CacheFolder(root), [model]) == len(b"GGUF shared")
    assert CacheFolder(root).scan() == CacheListing()


def test_two_names_for_the_same_bytes_at_one_commit_stay_two(root):
    for commit in (COMMIT, OTHER_COMMIT):
        put(root, b"GGUF shared", "a.gguf", commit=commit)
        put(root, b"GGUF shared", "b.gguf", commit=commit)
    models = CacheFolder(root).scan().models
    assert [(m.name, [c.name for c in m.copies]) for m in models] == [("a", ["a"]), ("b", ["b"])]


def test_what_is_left_of_a_model_is_found_and_can_be_removed(root):
    place = put(root, b"GGUF whole")
    place.resolve().unlink()
    for no in (1, 3):
        put(root, b"GGUF%d" % no, f"large-0000{no}-of-00003.gguf", repo_id="org/large")
    cache = CacheFolder(root)
    small, large = cache.scan().unfinished
    assert [(lost.path, lost.etag) for lost in large.lost] == [("large-00002-of-00003.gguf", "")]
    etag = hashlib.sha256(b"GGUF whole").hexdigest()
    assert [(lost.path, lost.etag) for lost in small.lost] == [(WEIGHTS, etag)]
    assert cache.find_rest(HubModel(REPO)) == small
    assert cache.find_rest(HubModel("org/large")) == large
    assert cache.find_rest(HubModel("org/large", "v3")) is None
    assert remove(cache, [large, small]) == 10
    assert not list(root.glob("models--*"))


def test_removing_the_last_model_of_a_repository_removes_its_folder(hub, root):
    hub.add(REPO, {"a/b/c.gguf": b"GGUF"}, revision="refs/pr/1")
    download(hub, root, REPO, "a/b/c.gguf", "refs/pr/1")
    folder = root / "models--org--gpt-oss-20b-GGUF"
    (folder / ".no_exist" / "x").mkdir(parents=True)
    litter = folder / ".0123456789abcdef.new"
    litter.write_text("left by a killed process")
    os.utime(litter, (0, 0))
    assert remove(CacheFolder(root), [only_model(root)]) == 4
    assert not folder.exists()
    assert not scan_cache_dir(root).repos


def test_what_another_process_writes_at_this_moment_is_not_removed(hub, root):
    hub.add(REPO, {WEIGHTS: b"GGUF"})
    download(hub, root, REPO, WEIGHTS)
    fresh = root / "models--org--gpt-oss-20b-GGUF" / ".0123456789abcdef.new"
    fresh.write_text("to be a ref")
    assert remove(CacheFolder(root), [only_model(root)]) == 4
    assert fresh.exists()


def test_removing_weights_leaves_the_other_files_of_their_snapshot(hub, root):
    hub.add(REPO, {WEIGHTS: b"GGUF", "README.md": b"read me"})
    download(hub, root, REPO, WEIGHTS)
    readme = download(hub, root, REPO, "README.md")
    assert remove(CacheFolder(root), [only_model(root)]) == 4
    assert readme.read_bytes() == b"read me"
    ((_, (refs, files, _)),) = described(root).items()
    assert (refs, files) == ({"main"}, {})


def test_a_link_out_of_the_cache_is_removed_as_a_link(root, tmp_path):
    mine = tmp_path / "my.gguf"
    mine.write_bytes(b"GGUF mine")
    place = put(root, b"GGUF")
    place.with_name("mine.gguf").symlink_to(mine)
    blob = place.resolve()
    blob.unlink()
    blob.symlink_to(mine)
    listing = CacheFolder(root).scan()
    assert {model.name for model in listing.models} == {"mine", "gpt-oss-20b-mxfp4"}
    assert remove(CacheFolder(root), listing.models) == 0
    assert mine.read_bytes() == b"GGUF mine"
    assert not list(root.glob("models--*"))


def test_folders_that_are_links_are_neither_listed_nor_removed(root, tmp_path):
    put(tmp_path / "elsewhere", b"GGUF")
    model = only_model(tmp_path / "elsewhere")
    root.mkdir(parents=True)
    linked = root / "models--org--gpt-oss-20b-GGUF"
    linked.symlink_to(tmp_path / "elsewhere" / linked.name)
    listing = CacheFolder(root).scan()
    assert not listing.models
    assert "is a link" in listing.skipped[0]
    assert isinstance(CacheFolder(root).find(HubModel(REPO)), Undecided)
    with pytest.raises(GptossError, match="is a link"):
        remove(CacheFolder(root), [model])
    assert model.path.read_bytes() == b"GGUF"
    linked.unlink()
    put(root, b"GGUF")
    snapshots = linked / "snapshots"
    snapshots.rename(tmp_path / "snapshots")
    snapshots.symlink_to(tmp_path / "snapshots")
    with pytest.raises(GptossError, match="has a link in place of snapshots"):
        remove(CacheFolder(root), [model])
    assert list((tmp_path / "snapshots").rglob("*.gguf"))


def test_a_linked_folder_inside_a_snapshot_is_not_entered(root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.gguf").write_bytes(b"GGUF mine")
    place = put(root, b"GGUF")
    (place.parent / "sub").symlink_to(outside)
    model = only_model(root)  # sub/mine.gguf is none
    forged = replace(model, files=(replace(model.files[0], path="sub/mine.gguf"),))
    escaping = replace(model, files=(replace(model.files[0], path="../../../../../outside/x"),))
    assert remove(CacheFolder(root), [forged, escaping]) == 0
    assert (outside / "mine.gguf").read_bytes() == b"GGUF mine"


def test_bytes_that_have_another_name_on_the_disk_are_not_counted_as_freed(root, tmp_path):
    place = put(root, b"GGUF weights")
    (tmp_path / "kept.gguf").hardlink_to(place.resolve())
    assert remove(CacheFolder(root), [only_model(root)]) == 0
    assert (tmp_path / "kept.gguf").read_bytes() == b"GGUF weights"


def test_bytes_in_the_store_of_all_repositories_go_with_the_last_that_needs_them(root):
    content, xet_hash = b"GGUF weights", "ab" * 32
    for repo_id in ("org/one", "org/two"):
        blob = put(root, content, repo_id=repo_id).resolve()
        if repo_id == "org/one":
            assert _shared_blobs.publish_blob_to_shared_store(
                blob_path=str(blob), xet_hash=xet_hash, cache_dir=root, expected_size=len(content)
            )
        else:
            blob.unlink()
            assert _shared_blobs.try_link_from_shared_store(
                blob_path=str(blob), xet_hash=xet_hash, cache_dir=root, expected_size=len(content)
            )
    store = _shared_blobs.shared_blob_path(root, xet_hash)
    first, second = CacheFolder(root).scan().models
    assert first.size_bytes == len(content)
    assert remove(CacheFolder(root), [first]) == 0
    assert second.path.read_bytes() == content
    assert remove(CacheFolder(root), [second]) == len(content)
    assert not store.exists()
    assert not scan_cache_dir(root).warnings


def test_reading_the_cache_does_not_cost_the_import_of_huggingface_hub():
    code = "import gptoss_cli.models.cache.folder, gptoss_cli.config.hub, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"huggingface_hub", "httpx2", "rich", "numpy"} & set(done.stdout.split())
