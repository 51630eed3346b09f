"""A download meets everything that can go wrong, and comes through or says why not."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import threading
import time
from dataclasses import asdict, replace

import filelock
import pytest

from gptoss_cli.errors import (
    ChecksumError,
    DownloadCancelledError,
    DownloadError,
    ExitCode,
    RefusedError,
    RemoteChangedError,
)
from gptoss_cli.models.transfer.fetch import Listener, Policy, fetch
from gptoss_cli.models.transfer.gaps import Gaps
from gptoss_cli.models.transfer.partial import Partial, data_path, journal_path, recorded
from gptoss_cli.models.transfer.remote import RemoteFile, Timeouts
from tests.support.fetcher import Fetcher
from tests.support.hub import GATED, LOGGED_OUT, LOOP, NO_ENTRY, Fault
from tests.support.waiting import wait_until

REPO, PATH = "org/model", "model.gguf"
CHUNK = 256 << 10
CONTENT = random.Random(4).randbytes(4_000_000)
SIZE = len(CONTENT)
POLICY = Policy(
    chunk_bytes=CHUNK, attempts=4, backoff_s=0.01, timeouts=Timeouts(connect_s=2, read_s=0.3)
)


class Pull:
    """One file of the fake hub and its place in a cache."""

    def __init__(self, hub, folder, content=CONTENT, path=PATH):
        hub.add(REPO, {path: content})
        stored = hub.file(REPO, path)
        self.hub = hub
        self.content = content
        self.remote = RemoteFile(
            hub.url(REPO, path), stored.size, stored.etag, stored.sha256 if stored.lfs else None
        )
        self.blob = folder / "hub" / "models--org--model" / "blobs" / stored.etag
        self.lock = folder / "hub" / ".locks" / "models--org--model" / f"{stored.etag}.lock"
        self.reports: list[tuple[int, int]] = []
        self.notices: list[str] = []

    def run(self, policy=POLICY, cancel_at=None, remote=None, on_report=lambda _done: None):
        def report(done_bytes, size_bytes):
            self.reports.append((done_bytes, size_bytes))
            on_report(done_bytes)

        def cancelled():
            return cancel_at is not None and self.reports[-1][0] >= cancel_at

        return fetch(
            remote or self.remote,
            self.blob,
            lock=self.lock,
            headers={"authorization": "Bearer hf_secret"},
            policy=policy,
            listener=Listener(report=report, notify=self.notices.append, cancelled=cancelled),
        )

    def job(self, **more):
        return {"remote": asdict(self.remote), "blob": self.blob, "lock": self.lock} | more

    def is_whole(self):
        left = [p for p in self.blob.parent.iterdir() if p != self.blob]
        return self.blob.read_bytes() == self.content and left == []

    def interrupted(self, at=SIZE // 2):
        """Fetch about half of it, slowly enough to be stopped there."""
        self.hub.bytes_per_s = 2_000_000
        with pytest.raises(DownloadCancelledError):
            self.run(cancel_at=at)
        self.hub.bytes_per_s = None
        self.hub.requests.clear()
        assert not self.blob.exists()
        return recorded(self.blob).done_bytes

    def lost(self):
        """What of the bytes that are on the disk is in no record, in bytes."""
        data = data_path(self.blob).read_bytes() if data_path(self.blob).exists() else b""
        size, etag = self.remote.size_bytes, self.remote.etag
        partial = Partial(self.blob, size_bytes=size, etag=etag)
        gaps = partial.missing()
        partial.close()
        block = 4096
        return sum(
            block
            for start, end in gaps
            for at in range(start, min(end, len(data)), block)
            if data[at : at + block] == self.content[at : at + block]
        )


@pytest.fixture
def pull(hub, tmp_path):
    hub.tokens.add("hf_secret")
    return Pull(hub, tmp_path)


def test_a_large_file_comes_by_ranges_over_several_connections(hub, pull):
    hub.bytes_per_s = 8_000_000
    assert pull.run() == SIZE
    assert pull.is_whole()
    assert hub.sent("storage") == SIZE
    asked = [r.range for r in hub.requests if r.where == "storage"]
    assert len(asked) >= 4
    assert pull.reports[0] == (0, SIZE)
    assert pull.reports[-1] == (SIZE, SIZE)
    assert pull.notices == []


def test_what_is_there_is_not_fetched_again(hub, pull):
    pull.run()
    hub.requests.clear()
    assert pull.run() == 0
    assert hub.requests == []


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1])
@pytest.mark.parametrize("path", ["model.gguf", "config.json"])
def test_small_files_too_by_sha256_or_by_the_digest_of_git(hub, tmp_path, size, path):
    hub.tokens.add("hf_secret")
    pull = Pull(hub, tmp_path, CONTENT[:size], path)
    assert pull.run() == size
    assert pull.is_whole()


def test_a_file_without_a_digest_is_not_fetched(pull, hub):
    remote = RemoteFile(pull.remote.url, SIZE, "some-etag", None)
    with pytest.raises(DownloadError, match="no digest"):
        pull.run(remote=remote)
    assert hub.requests == []


def test_an_interrupted_download_goes_on_with_what_is_missing_only(hub, pull):
    done = pull.interrupted()
    assert SIZE // 2 <= done < SIZE
    assert pull.run() == SIZE - done == hub.sent("storage")
    assert pull.is_whole()
    assert pull.reports[-1] == (SIZE, SIZE)


@pytest.mark.parametrize("cut_at", [0, 1, 100_000])
def test_cut_connections_go_on_where_they_broke(hub, pull, cut_at):
    hub.fail(PATH, Fault(cut_at=cut_at), times=3)
    assert pull.run() == SIZE
    assert pull.is_whole()
    assert hub.sent("storage") == SIZE


def test_progress_makes_the_count_of_failures_begin_anew(hub, pull):
    hub.fail(PATH, Fault(cut_at=200_000))
    assert pull.run(Policy(connections=1, chunk_bytes=CHUNK, attempts=2, backoff_s=0.001)) == SIZE
    assert pull.is_whole()


def test_a_silent_connection_is_left(hub, pull):
    hub.fail(PATH, Fault(stall_at=50_000), times=2)
    assert pull.run() == SIZE
    assert pull.is_whole()


def test_errors_of_the_server_are_sat_out(hub, pull):
    hub.fail(PATH, Fault(status=503), times=1)
    hub.fail(PATH, Fault(status=500), times=2, where="storage")
    pull.run()
    assert pull.is_whole()


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(stall_at=0), Fault(cut_at=0)])
def test_a_server_that_stays_ill_is_given_up_and_the_part_kept(hub, pull, fault):
    done = pull.interrupted()
    hub.fail(PATH, fault)
    with pytest.raises(DownloadError, match="given up after 4 attempts") as caught:
        pull.run()
    assert caught.value.exit_code == ExitCode.DOWNLOAD == 8
    assert "goes on where" in caught.value.hint
    hub.heal()
    assert pull.run() == SIZE - done
    assert pull.is_whole()


def test_the_server_says_how_long_to_wait(hub, pull):
    hub.fail(PATH, Fault(status=429, retry_after="1"), times=1)
    began = time.monotonic()
    pull.run()
    assert time.monotonic() - began >= 1
    assert pull.notices == ["the server answers 429; trying again in 1 s"]
    assert pull.is_whole()


def test_an_hour_is_too_long_to_wait(hub, pull):
    hub.fail(PATH, Fault(status=429, retry_after="3600"))
    with pytest.raises(DownloadError, match="wait for 60 minutes"):
        pull.run()


@pytest.mark.parametrize(("fault", "status"), [(LOGGED_OUT, 401), (GATED, 403), (NO_ENTRY, 404)])
def test_a_refusal_is_told_at_once(hub, pull, fault, status):
    hub.fail(PATH, fault)
    with pytest.raises(RefusedError) as caught:
        pull.run()
    assert caught.value.status == status
    assert len(hub.requests) == 1


def test_redirects_in_circles_are_told_at_once(hub, pull):
    hub.fail(PATH, LOOP)
    with pytest.raises(DownloadError, match="in circles"):
        pull.run()


def test_the_token_stays_with_the_hub(hub, pull):
    hub.fail(PATH, Fault(cut_at=100_000), times=3)
    pull.run()
    assert {r.where for r in hub.requests if "authorization" in r.headers} == {"hub"}


@pytest.mark.parametrize("fault", [Fault(longer_by=9), Fault(shorter_by=9), Fault(chunked=True)])
def test_bodies_that_are_longer_or_shorter_than_they_should_be(hub, pull, fault):
    hub.fail(PATH, fault, times=3)
    pull.run()
    assert pull.is_whole()


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b"<html>Log in</html>"])
def test_a_body_of_another_length_is_never_taken_for_the_file(hub, pull, content):
    remote = RemoteFile(hub.url(REPO, "config.json"), SIZE, pull.remote.etag, pull.remote.sha256)
    hub.add(REPO, {"config.json": content})
    with pytest.raises(DownloadError):
        pull.run(remote=remote)
    assert not pull.blob.exists()


def test_a_wrong_range_is_not_written(hub, pull):
    hub.fail(PATH, Fault(content_range=f"bytes 7-9/{SIZE}"), times=2)
    pull.run()
    assert pull.is_whole()


def test_a_server_without_ranges_sends_all_in_one(hub, pull):
    hub.fail(PATH, Fault(no_ranges=True))
    assert pull.run() == SIZE
    assert len([r for r in hub.requests if r.where == "storage"]) == 1
    assert pull.is_whole()


def test_a_server_that_loses_its_ranges_begins_anew(hub, pull):
    pull.interrupted()
    hub.fail(PATH, Fault(no_ranges=True))
    assert pull.run() == SIZE
    assert pull.is_whole()


def test_without_ranges_every_break_begins_anew_and_not_for_ever(hub, pull):
    hub.fail(PATH, Fault(no_ranges=True, cut_at=3_000_000), times=2)
    hub.fail(PATH, Fault(no_ranges=True), skip=2)
    assert pull.run() > SIZE
    assert pull.is_whole()
    pull.blob.unlink()
    hub.heal()
    hub.fail(PATH, Fault(no_ranges=True, cut_at=3_000_000))
    with pytest.raises(DownloadError, match="given up"):
        pull.run()


def test_ranges_that_stop_in_the_middle(hub, pull):
    hub.bytes_per_s = 8_000_000
    hub.fail(PATH, Fault(no_ranges=True), skip=5, times=2)
    pull.run()
    assert pull.is_whole()


def test_a_changed_etag_is_another_file(hub, pull):
    pull.interrupted()
    hub.fail(PATH, Fault(etag="f" * 64), where="hub")
    with pytest.raises(RemoteChangedError):
        pull.run()
    other = Pull(hub, pull.blob.parents[3], CONTENT[::-1])
    hub.heal()
    assert other.run() == SIZE
    assert other.blob.read_bytes() == CONTENT[::-1]


def test_an_etag_that_changes_midway(hub, pull):
    hub.fail(PATH, Fault(status=403), where="storage", skip=3)
    hub.fail(PATH, Fault(etag="f" * 64), where="hub", skip=1)
    with pytest.raises(RemoteChangedError):
        pull.run()
    assert not pull.blob.exists()


def test_one_page_of_a_proxy_does_not_cost_what_is_there(hub, pull):
    """Answered with 200, another body and no length, as login pages and caches do."""
    done = pull.interrupted()
    hub.fail(PATH, Fault(no_ranges=True, chunked=True, cut_at=40), times=3)
    fetched = pull.run()
    assert fetched <= SIZE - done + CHUNK
    assert pull.is_whole()


def test_one_machine_without_ranges_does_not_cost_what_is_there(hub, pull):
    done = pull.interrupted()
    hub.fail(PATH, Fault(no_ranges=True), times=2)
    assert pull.run() <= SIZE - done + CHUNK
    assert pull.is_whole()


def test_who_is_of_an_older_epoch_cannot_begin_anew(tmp_path):
    partial = Partial(tmp_path / "blob", size_bytes=SIZE, etag="a" * 64)
    gaps = Gaps(partial, connections=4, chunk_bytes=CHUNK)
    gaps.refill()
    stale = gaps.take()
    gaps.begin_anew()
    assert gaps.begin_anew(stale) is None
    assert gaps.epoch == 1
    partial.close()


def test_a_link_in_place_of_the_part_is_not_written_through(hub, pull, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    pull.blob.parent.mkdir(parents=True)
    data_path(pull.blob).symlink_to(victim)
    with pytest.raises(DownloadError):
        pull.run()
    assert victim.read_bytes() == b"precious"


def test_wrong_bytes_are_noticed_and_fetched_once_more(hub, pull):
    hub.fail(PATH, Fault(flip_at=1_234_567), times=4)
    assert pull.run() == 2 * SIZE
    assert pull.is_whole()
    assert pull.notices == [
        "the digest is wrong; looking for the part that is",
        "wrong bytes were sent; fetching everything once more",
    ]


def test_wrong_bytes_twice_are_an_error_and_leave_nothing(hub, pull):
    hub.fail(PATH, Fault(flip_at=1_234_567))
    with pytest.raises(ChecksumError):
        pull.run()
    assert list(pull.blob.parent.iterdir()) == []


def test_what_the_disk_changed_is_fetched_again_and_nothing_else(hub, pull):
    done = pull.interrupted()
    with data_path(pull.blob).open("r+b") as data:
        data.seek(CHUNK // 2)
        byte = data.read(1)
        data.seek(CHUNK // 2)
        data.write(bytes([byte[0] ^ 1]))
    fetched = pull.run()
    assert SIZE - done < fetched <= SIZE - done + CHUNK
    assert pull.is_whole()
    assert pull.notices == ["part of what is on the disk is damaged; fetching that part again"]


def test_what_a_power_cut_took_though_it_was_recorded_is_fetched_again(hub, pull):
    done = pull.interrupted()
    with data_path(pull.blob).open("r+b") as data:  # blocks that never reached the platter
        data.seek(300_000)
        data.write(bytes(200_000))
    fetched = pull.run()
    assert SIZE - done < fetched <= SIZE - done + 200_000 + 2 * CHUNK
    assert pull.is_whole()


def test_a_damaged_record_costs_only_what_it_told_of(hub, pull):
    done = pull.interrupted()
    journal = journal_path(pull.blob)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:5]) + b"\0" * 40 + b"".join(lines[6:]))
    assert SIZE - done < pull.run() <= SIZE - done + CHUNK
    assert pull.is_whole()


def test_damage_while_it_is_fetched_is_found_where_it_is(hub, pull):
    """The first chunk comes late, so that nothing is hashed when the disk changes a byte."""
    hub.fail(PATH, Fault(stall_at=1000), times=1)
    changed = []

    def change(done_bytes):
        if not changed and done_bytes > SIZE - 499_500:  # the others are done
            with data_path(pull.blob).open("r+b") as data:
                data.seek(2_000_000)
                data.write(bytes([CONTENT[2_000_000] ^ 1]))
            changed.append(done_bytes)

    patient = replace(POLICY, timeouts=Timeouts(read_s=1))
    fetched = pull.run(patient, on_report=change)
    assert changed
    assert SIZE < fetched <= SIZE + CHUNK
    assert pull.is_whole()
    assert len(pull.notices) == 2


def test_a_record_of_another_file_begins_from_nothing(hub, pull):
    pull.interrupted()
    journal = journal_path(pull.blob)
    other = Partial(pull.blob.with_name("other"), size_bytes=SIZE, etag="other")
    other.close()
    journal.write_bytes(journal_path(pull.blob.with_name("other")).read_bytes())
    for path in (data_path, journal_path):
        path(pull.blob.with_name("other")).unlink()
    assert pull.run() == SIZE
    assert pull.is_whole()


def test_a_second_download_waits_and_then_finds_the_file(pull):
    lock = filelock.FileLock(pull.lock, mode=0o664)
    pull.lock.parent.mkdir(parents=True)
    lock.acquire()
    results = []
    second = threading.Thread(target=lambda: results.append(pull.run()))
    second.start()
    wait_until(lambda: pull.notices)
    pull.blob.parent.mkdir(parents=True)
    pull.blob.write_bytes(CONTENT)
    lock.release()
    second.join()
    assert results == [0]
    assert pull.notices == ["another program is downloading this file; waiting for it"]


def test_who_waits_can_be_stopped(pull):
    pull.lock.parent.mkdir(parents=True)
    pull.reports.append((0, SIZE))
    with filelock.FileLock(pull.lock), pytest.raises(DownloadCancelledError):
        pull.run(cancel_at=0)


def test_two_processes_at_once_fetch_it_once(hub, pull):
    hub.bytes_per_s = 4_000_000
    with Fetcher() as one, Fetcher() as other:
        job = pull.job(policy={"chunk_bytes": CHUNK})
        one.start(**job)
        other.start(**job)
        done = [one.wait(), other.wait()]
    assert [d["exit_code"] for d in done] == [0, 0]
    assert sorted(d["received"] for d in done) == [0, SIZE]
    assert hub.sent("storage") == SIZE
    assert pull.is_whole()


def test_a_full_disk_is_a_clear_error_and_leaves_what_came(hub, pull):
    with Fetcher() as fetcher:
        job = pull.job(policy={"chunk_bytes": CHUNK})
        fetcher.start(**job, limit_bytes=2_500_000)
        done = fetcher.wait()
        assert done["exit_code"] == 8
        assert "no room left" in done["error"]
        assert "goes on where" in done["hint"]
        kept = recorded(pull.blob).done_bytes
        assert kept > 1_000_000
        assert not pull.blob.exists()
        fetcher.start(**job)
        assert fetcher.wait()["received"] == SIZE - kept
    assert pull.is_whole()


def test_a_full_disk_at_the_very_first_byte(pull):
    with Fetcher() as fetcher:
        fetcher.start(**pull.job(), limit_bytes=0)
        assert "no room left" in fetcher.wait()["error"]


def test_ctrl_c_ends_it_at_once_and_loses_nothing(hub, pull):
    hub.bytes_per_s = 1_000_000
    with Fetcher() as fetcher:
        pid = fetcher.start(**pull.job(policy={"chunk_bytes": CHUNK}))
        while hub.sent("storage") < SIZE // 4:
            time.sleep(0.01)
        began = time.monotonic()
        os.kill(pid, signal.SIGINT)
        assert fetcher.wait()["exit_code"] == 130
    assert time.monotonic() - began < 2
    assert pull.lost() == 0
    hub.bytes_per_s = None
    kept = recorded(pull.blob).done_bytes
    assert kept > SIZE // 5
    assert pull.run() == SIZE - kept


def test_ctrl_c_does_not_wait_for_a_silent_server(hub, pull):
    hub.fail(PATH, Fault(stall_at=10_000))
    with Fetcher() as fetcher:
        pid = fetcher.start(**pull.job(timeouts={"read_s": 60}))
        wait_until(lambda: hub.sent("storage"))
        began = time.monotonic()
        os.kill(pid, signal.SIGINT)
        assert fetcher.wait()["exit_code"] == 130
    assert time.monotonic() - began < 1.5


def test_a_killed_download_loses_less_than_a_chunk_and_never_looks_whole(hub, tmp_path):
    """GPTOSS_KILLS=50 for the whole measure; the moments are random, the seed is told."""
    seed = int(os.environ.get("GPTOSS_KILLS_SEED", time.time_ns() % 1_000_000))
    print("GPTOSS_KILLS_SEED", seed)
    moments = random.Random(seed)
    chunk = 16 << 20
    hub.tokens.add("hf_secret")
    pull = Pull(hub, tmp_path, random.Random(5).randbytes(64 << 20))
    kept, finished, losses = 0, 0, []
    hub.bytes_per_s = 64 << 20
    with Fetcher() as fetcher:
        for _ in range(int(os.environ.get("GPTOSS_KILLS", "6"))):
            pid = fetcher.start(**pull.job())
            time.sleep(moments.uniform(0, 0.4))
            with contextlib.suppress(ProcessLookupError):  # it was done
                os.kill(pid, signal.SIGKILL)
            code = fetcher.wait()["exit_code"]
            if pull.blob.exists():
                assert hashlib.sha256(pull.blob.read_bytes()).hexdigest() == pull.remote.sha256
                pull.blob.unlink()
                finished, kept = finished + 1, 0
                continue
            assert code == -signal.SIGKILL
            losses.append(pull.lost())
            now = recorded(pull.blob)
            assert (now.done_bytes if now else 0) >= kept
            kept = now.done_bytes if now else 0
        hub.bytes_per_s = None
        hub.requests.clear()
        fetcher.start(**pull.job())
        assert fetcher.wait()["received"] == len(pull.content) - kept
    print("finished", finished, "lost", losses)
    assert max(losses, default=0) <= chunk // 4 + (4 * 256 << 10)
    assert pull.is_whole()
