"""A pull leaves a whole model that every program of the hub sees, or what it can go on from."""

from __future__ import annotations

import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import scan_cache_dir

from gptoss_cli.errors import DiskFullError, DownloadError, RefusedError
from gptoss_cli.models.cache.contents import CachedModel
from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.choice import Unclear, Undecided
from gptoss_cli.models.hub import repositories
from gptoss_cli.models.names import HubModel
from gptoss_cli.models.pull import Plan, PullListener, plan, pull
from gptoss_cli.models.repair import plan_repair
from gptoss_cli.models.settings import HubSettings
from gptoss_cli.models.transfer.fetch import Policy
from gptoss_cli.models.transfer.partial import data_path
from gptoss_cli.models.transfer.remote import Timeouts
from tests.support.hub import GATED, FakeHub, Fault

REPO = "org/gpt-oss-20b-GGUF"
MODEL = HubModel(REPO)
WHOLE = "gpt-oss-20b-mxfp4.gguf"
PARTS = [f"gpt-oss-20b-mxfp4-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
CONTENT = random.Random(7).randbytes(1_500_000)
POLICY = Policy(
    chunk_bytes=256 << 10, attempts=3, backoff_s=0.01, timeouts=Timeouts(connect_s=2, read_s=0.3)
)


class Place:
    """A hub and a cache, and what is said while they are used."""

    def __init__(self, hub: FakeHub, folder: Path) -> None:
        self.settings = HubSettings(cache_folder=folder, endpoint=hub.endpoint)
        self.cache = CacheFolder(folder)
        self.notices: list[str] = []
        self.reports: list[tuple[int, int]] = []

    def plan(self, model: HubModel = MODEL) -> Plan:
        found = plan(model, self.settings, self.cache)
        assert isinstance(found, Plan)
        return found

    def pull(self, what: Plan | None = None) -> Path:
        """Carry out a plan; return the place of the first file."""
        listener = PullListener(
            report=lambda *told: self.reports.append(told), notify=self.notices.append
        )
        done = pull(
            what or self.plan(), self.settings, self.cache, listener=listener, policy=POLICY
        )
        file = done.files[0].file
        return self.cache.snapshot_path(REPO, done.repository.commit, file.path)

    def whole(self) -> CachedModel:
        found = self.cache.find(MODEL)
        assert isinstance(found, CachedModel)
        return found


@pytest.mark.parametrize("symlinks", [True, False])
def test_of_two_pulls_at_once_one_downloads(hub, place, symlinks):
    place.settings = replace(place.settings, symlinks=symlinks)
    place.cache = CacheFolder(place.cache.root, symlinks=symlinks)
    hub.add(REPO, {WHOLE: CONTENT})
    hub.bytes_per_s = 2_000_000
    plans = [place.plan(), place.plan()]
    with ThreadPoolExecutor() as pool:
        paths = list(pool.map(place.pull, plans))
    assert [path.read_bytes() == CONTENT for path in paths] == [True, True]
    assert hub.sent("storage") == len(CONTENT)


@pytest.fixture
def place(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(repositories, "_PAUSES_S", (0.0, 0.0, 0.0))
    return Place(hub, tmp_path / "cache" / "hub")


def test_what_is_pulled_is_whole_for_everybody(hub, place):
    commit = hub.add(REPO, {WHOLE: CONTENT, "README.md": b"read me"})
    path = place.pull()
    assert path.read_bytes() == CONTENT
    assert place.whole().path == path
    info = scan_cache_dir(place.cache.root)
    assert not info.warnings
    (repo,) = info.repos
    (revision,) = repo.revisions
    assert (revision.commit_hash, revision.refs) == (commit, {"main"})
    assert [(f.file_name, f.size_on_disk) for f in revision.files] == [(WHOLE, len(CONTENT))]


def test_what_is_here_is_not_fetched_again(hub, place):
    hub.add(REPO, {WHOLE: CONTENT})
    place.pull()
    sent = hub.sent("storage")
    assert place.plan().missing_bytes == 0
    place.pull()
    assert hub.sent("storage") == sent


def test_a_new_commit_with_the_same_file_only_links_it(hub, place):
    hub.add(REPO, {WHOLE: CONTENT})
    place.pull()
    sent = hub.sent("storage")
    commit = hub.add(REPO, {WHOLE: CONTENT, "README.md": b"new"})
    path = place.pull()
    assert commit in path.parts
    assert hub.sent("storage") == sent
    assert place.whole().commit == commit


def test_all_parts_of_a_split_model_come_and_those_that_are_here_stay(hub, place):
    hub.add(REPO, {name: CONTENT[: n * 400_000] for n, name in enumerate(PARTS, 1)})
    hub.fail(PARTS[2], Fault(status=500), where="storage", skip=1)
    with pytest.raises(DownloadError):
        place.pull()
    assert isinstance(place.cache.find(MODEL), Undecided)
    assert [m.missing_parts for m in place.cache.scan().unfinished] == [1]
    hub.heal()
    again = place.plan()
    assert [wanted.missing_bytes > 0 for wanted in again.files] == [False, False, True]
    assert place.pull(again).name == PARTS[0]
    assert len(place.whole().files) == 3


def test_an_interrupted_file_goes_on_where_it_was(hub, place):
    hub.add(REPO, {WHOLE: CONTENT})
    hub.fail(WHOLE, Fault(status=500), where="storage", skip=2)
    with pytest.raises(DownloadError):
        place.pull()
    begun = place.plan()
    assert 250_000 < begun.files[0].done_bytes < len(CONTENT)
    hub.heal()
    sent = hub.sent("storage")
    assert place.pull(begun).read_bytes() == CONTENT
    assert hub.sent("storage") - sent <= begun.missing_bytes


def test_progress_counts_every_file_to_its_end(hub, place):
    hub.add(REPO, {name: CONTENT[: n * 400_000] for n, name in enumerate(PARTS, 1)})
    place.pull()
    for number in range(3):
        assert (number, (number + 1) * 400_000) in place.reports


def test_a_model_that_changes_meanwhile_is_begun_anew(hub, place):
    hub.add(REPO, {WHOLE: CONTENT})
    old = place.plan()
    # The hub answers for the old commit with another file, as after a forced push.
    new = CONTENT[::-1]
    commit = hub.add(REPO, {WHOLE: new})
    hub.fail(WHOLE, Fault(etag='"' + "f" * 64 + '"'), where="hub", times=1)
    path = place.pull(old)
    assert path.read_bytes() == new
    assert commit in path.parts
    assert any("has changed" in sentence for sentence in place.notices)


def test_a_hub_that_never_agrees_with_itself_is_given_up(hub, place):
    hub.add(REPO, {WHOLE: CONTENT})
    hub.fail(WHOLE, Fault(etag='"' + "f" * 64 + '"'), where="hub")
    with pytest.raises(DownloadError, match="changed"):
        place.pull()


def test_no_room_is_told_before_the_first_byte(hub, place, monkeypatch):
    hub.add(REPO, {WHOLE: CONTENT})
    small = shutil._ntuple_diskusage(10**9, 10**9 - 1_000_000, 1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: small)
    with pytest.raises(DiskFullError, match=r"needs 69 MB more") as error:
        place.pull()
    assert "HF_HOME" in error.value.hint
    assert hub.sent("storage") == 0
    assert not place.cache.root.exists()


def test_a_gated_file_says_how_to_get_access(hub, place):
    hub.add(REPO, {WHOLE: CONTENT}, gated=True)
    hub.fail(WHOLE, GATED, where="hub")
    with pytest.raises(RefusedError, match="gated") as error:
        place.pull()
    assert "hf auth login" in error.value.hint


def test_an_ambiguous_name_is_not_guessed(hub, place):
    hub.add(REPO, {"a-Q4_K_M.gguf": b"x", "b-Q4_K_M.gguf": b"y"})
    found = plan(MODEL, place.settings, place.cache)
    assert isinstance(found, Undecided)
    assert found.why is Unclear.AMBIGUOUS
    assert [c.command() for c in found.candidates] == [
        f"gptoss pull {REPO}/a-Q4_K_M.gguf",
        f"gptoss pull {REPO}/b-Q4_K_M.gguf",
    ]


def test_without_links_files_lie_in_the_snapshot(hub, place):
    hub.add(REPO, {WHOLE: CONTENT})
    place.settings = replace(place.settings, symlinks=False)
    place.cache = CacheFolder(place.cache.root, symlinks=False)
    path = place.pull()
    assert not path.is_symlink()
    assert place.plan().missing_bytes == 0
    sent = hub.sent("storage")
    assert place.pull() == path
    assert hub.sent("storage") == sent


def test_repair_fetches_only_what_is_damaged(hub, place):
    hub.add(REPO, {name: CONTENT[: n * 400_000] for n, name in enumerate(PARTS, 1)})
    place.pull()
    model = place.whole()
    damaged = model.files[1]
    assert damaged.blob
    damaged.blob.write_bytes(b"\0" * damaged.size_bytes)
    sent = hub.sent("storage")
    place.pull(plan_repair(model, {damaged.path}, place.settings, place.cache))
    assert damaged.blob.read_bytes() == CONTENT[:800_000]
    assert hub.sent("storage") - sent == 800_000


def damaged(place: Place) -> CachedModel:
    """Change a byte of what was pulled."""
    model = place.whole()
    with model.path.open("r+b") as file:
        file.seek(70_000)
        file.write(bytes([CONTENT[70_000] ^ 1]))
    return model


@pytest.mark.parametrize("symlinks", [True, False])
def test_a_damaged_file_stays_until_what_replaces_it_is_whole(hub, place, symlinks):
    place.settings = replace(place.settings, symlinks=symlinks)
    place.cache = CacheFolder(place.cache.root, symlinks=symlinks)
    hub.add(REPO, {WHOLE: CONTENT})
    place.pull()
    model = damaged(place)
    before = model.path.read_bytes()
    hub.fail(WHOLE, Fault(status=403), where="storage")
    with pytest.raises(DownloadError):
        place.pull(plan_repair(model, {WHOLE}, place.settings, place.cache))
    assert model.path.read_bytes() == before
    hub.heal()
    hub.fail(WHOLE, Fault(cut_at=400_000), where="storage", times=1)
    hub.fail(WHOLE, Fault(status=500), where="storage", skip=1)
    with pytest.raises(DownloadError):
        place.pull(plan_repair(model, {WHOLE}, place.settings, place.cache))
    assert model.path.read_bytes() == before
    hub.heal()
    # Also a pull goes on with it: it would be whole otherwise.
    assert 0 < place.plan().missing_bytes < len(CONTENT)
    if symlinks:  # at any commit with these bytes
        hub.add(REPO, {WHOLE: CONTENT, "README.md": b"new"})
        (wanted,) = place.plan().files
        assert wanted.replaced
        assert 0 < wanted.missing_bytes < len(CONTENT)
    assert place.cache.scan().partials[0].repairs
    sent = hub.sent("storage")
    repair = plan_repair(model, {WHOLE}, place.settings, place.cache)
    place.pull(repair)
    assert model.path.read_bytes() == CONTENT
    assert hub.sent("storage") - sent == repair.missing_bytes < len(CONTENT)
    assert place.cache.scan().partials == ()
    sent = hub.sent("storage")
    place.pull(repair)  # another program has done it meanwhile
    assert hub.sent("storage") == sent


def test_what_is_missing_is_brought_again_at_the_commit_that_was_here(hub, place):
    hub.add(REPO, {name: CONTENT[: n * 400_000] for n, name in enumerate(PARTS, 1)})
    place.pull()
    model = place.whole()
    hub.add(REPO, {WHOLE: CONTENT})
    lost, gone = model.files[0], model.files[2]
    assert lost.blob
    assert gone.blob
    lost.blob.unlink()
    gone.blob.unlink()
    gone.location.unlink()
    rest = place.cache.find_rest(MODEL)
    assert rest is not None
    place.pull(plan_repair(rest, (), place.settings, place.cache))
    assert place.whole() == replace(model, files=place.whole().files)
    assert [file.size_bytes for file in place.whole().files] == [400_000, 800_000, 1_200_000]


def test_nothing_is_removed_for_a_repair_the_hub_cannot_do(hub, place):
    hub.add(REPO, {WHOLE: CONTENT})
    place.pull()
    model = place.whole()
    hub.fail("*", Fault(status=404, error_code="RevisionNotFound"), where="hub")
    with pytest.raises(DownloadError):
        plan_repair(model, {WHOLE}, place.settings, place.cache)
    assert model.path.read_bytes() == CONTENT


def test_nothing_half_done_has_the_name_of_a_model(hub, place):
    hub.add(REPO, {WHOLE: CONTENT})
    hub.fail(WHOLE, Fault(status=500), where="storage", skip=1)
    with pytest.raises(DownloadError):
        place.pull()
    assert place.cache.scan().models == ()
    blob = place.plan().files[0].blob
    assert data_path(blob).exists()
    assert not blob.exists()
