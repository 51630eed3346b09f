"""The fake hub is worth what its resemblance is worth: the real client is its judge."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import HfApi, errors, get_hf_file_metadata, hf_hub_download, scan_cache_dir

from tests.support.hub import GATED, LOOP, NO_ENTRY, Fault

REPO = "org/model-GGUF"
WEIGHTS = random.Random(1).randbytes(300_000)
CARD = b"# A model\n"
FILES = {"README.md": CARD, "model.gguf": WEIGHTS, "UD-Q4/part-00001.gguf": b"GGUF" * 10}


@pytest.fixture(autouse=True)
def real_client():
    yield
    huggingface_hub.close_session()


@pytest.fixture
def commit(hub):
    return hub.add(REPO, FILES, downloads=7)


@pytest.fixture
def api(hub, commit):
    return HfApi(endpoint=hub.endpoint, token=False)


def download(hub, folder, path="model.gguf", **options):
    options = {"token": False} | options
    return hf_hub_download(REPO, path, endpoint=hub.endpoint, cache_dir=folder, **options)


def test_model_info_names_every_file_with_size_and_digest(api, commit):
    for revision in (None, "main", commit):
        info = api.model_info(REPO, revision=revision, files_metadata=True)
        assert (info.sha, info.downloads, info.gated) == (commit, 7, False)
        by_name = {s.rfilename: s for s in info.siblings}
        assert by_name["model.gguf"].size == len(WEIGHTS)
        assert by_name["model.gguf"].lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
        assert by_name["README.md"].lfs is None
        assert by_name["README.md"].blob_id == hashlib.sha1(b"blob 10\0" + CARD).hexdigest()
    assert api.model_info(REPO).siblings[0].size is None


def test_the_tree_comes_in_pages(hub, api):
    hub.page_size = 2
    entries = {entry.path: entry for entry in api.list_repo_tree(REPO, recursive=True)}
    assert set(entries) == {"README.md", "model.gguf", "UD-Q4", "UD-Q4/part-00001.gguf"}
    assert entries["model.gguf"].lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert {entry.path for entry in api.list_repo_tree(REPO)} == {
        "README.md",
        "model.gguf",
        "UD-Q4",
    }
    assert [entry.path for entry in api.list_repo_tree(REPO, "UD-Q4")] == ["UD-Q4/part-00001.gguf"]


def test_paths_info_refs_and_search(hub, api, commit):
    (entry,) = api.get_paths_info(REPO, ["model.gguf", "absent"])
    assert entry.size == len(WEIGHTS)
    (branch,) = api.list_repo_refs(REPO).branches
    assert (branch.name, branch.target_commit) == ("main", commit)
    hub.add("other/one", {"a.gguf": b""})
    hub.add("other/model", {"a.gguf": b""}, downloads=9)
    hub.page_size = 1
    assert [m.id for m in api.list_models(search="model")] == ["other/model", REPO]
    assert [m.id for m in api.list_models(search="model", limit=1)] == ["other/model"]


def test_a_head_of_a_file_tells_commit_digest_size_and_place(hub, commit):
    large = get_hf_file_metadata(hub.url(REPO, "model.gguf"))
    assert large.commit_hash == commit
    assert (large.etag, large.size) == (hashlib.sha256(WEIGHTS).hexdigest(), len(WEIGHTS))
    assert large.location.startswith(hub.address("storage"))
    small = get_hf_file_metadata(hub.url(REPO, "README.md"))
    assert (small.etag, small.size) == (hub.file(REPO, "README.md").blob_id, len(CARD))
    assert small.location.startswith(hub.endpoint)


def test_the_real_client_downloads_and_finds_its_cache_in_order(hub, commit, tmp_path):
    hub.tokens.add("hf_secret")
    for path, content in FILES.items():
        assert Path(download(hub, tmp_path, path, token="hf_secret")).read_bytes() == content
    scan = scan_cache_dir(tmp_path)
    assert not scan.warnings
    (repo,) = scan.repos
    assert (repo.repo_id, repo.nb_files) == (REPO, 3)
    assert all("authorization" in r.headers for r in hub.requests if r.where == "hub")
    assert not any("authorization" in r.headers for r in hub.requests if r.where == "storage")


def test_the_real_client_goes_on_after_a_cut_with_a_range(hub, commit, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)
    hub.fail("model.gguf", Fault(cut_at=100_000), times=1)
    assert Path(download(hub, tmp_path)).read_bytes() == WEIGHTS
    ranges = [r.range for r in hub.requests if r.where == "storage" and r.method == "GET"]
    assert ranges == [None, (100_000, None)]
    assert [r.status for r in hub.requests if r.where == "storage"][-1] == 206


@pytest.mark.parametrize(
    ("repo_id", "path", "revision", "error"),
    [
        ("org/absent", "model.gguf", "main", errors.HfHubHTTPError),
        (REPO, "absent.gguf", "main", errors.RemoteEntryNotFoundError),
        (REPO, "model.gguf", "v9", errors.RevisionNotFoundError),
    ],
)
def test_what_is_not_there_is_refused_as_the_hub_does(hub, commit, repo_id, path, revision, error):
    with pytest.raises(error):
        get_hf_file_metadata(hub.url(REPO, path, revision).replace(REPO, repo_id), token=False)


def test_private_and_gated_repositories_need_the_token(hub):
    hub.add("org/private", FILES, token="hf_mine")
    hub.add("org/gated", FILES, token="hf_mine", gated=True)
    anonymous = HfApi(endpoint=hub.endpoint, token=False)
    owner = HfApi(endpoint=hub.endpoint, token="hf_mine")
    with pytest.raises(errors.HfHubHTTPError, match="401"):
        anonymous.model_info("org/private")
    assert owner.model_info("org/private").private
    assert anonymous.model_info("org/gated").gated == "manual"
    with pytest.raises(errors.GatedRepoError):
        get_hf_file_metadata(hub.url("org/gated", "model.gguf"), token=False)
    assert get_hf_file_metadata(hub.url("org/gated", "model.gguf"), token="hf_mine").size
    with pytest.raises(errors.HfHubHTTPError, match="Invalid credentials"):
        HfApi(endpoint=hub.endpoint, token="hf_wrong").model_info("org/gated")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (GATED, errors.GatedRepoError),
        (NO_ENTRY, errors.RemoteEntryNotFoundError),
        (Fault(status=503), errors.HfHubHTTPError),
        (Fault(status=429, retry_after="1"), errors.HfHubHTTPError),
        (LOOP, Exception),
    ],
)
def test_planned_faults_are_what_the_real_client_takes_them_for(hub, commit, fault, error):
    hub.fail("model.gguf", fault, times=30)
    with pytest.raises(error):
        get_hf_file_metadata(hub.url(REPO, "model.gguf"), token=False)
    hub.heal()
    assert get_hf_file_metadata(hub.url(REPO, "model.gguf"), token=False).size == len(WEIGHTS)


def test_a_file_on_disk_is_served_in_ranges(hub, tmp_path):
    (tmp_path / "weights").write_bytes(WEIGHTS)
    hub.add("org/disk", {"model.gguf": tmp_path / "weights"})
    got = hf_hub_download(
        "org/disk", "model.gguf", endpoint=hub.endpoint, cache_dir=tmp_path / "c", token=False
    )
    assert Path(got).read_bytes() == WEIGHTS
