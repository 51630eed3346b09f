"""What is on the disk of an unfinished download, and what is believed of it."""

from __future__ import annotations

import errno
import random
import zlib

import pytest

from gptoss_cli.errors import DiskFullError, DownloadError
from gptoss_cli.models.transfer.partial import (
    Partial,
    Recorded,
    data_path,
    discard,
    disk_errors,
    journal_path,
    recorded,
)

SIZE = 100_000
CONTENT = random.Random(2).randbytes(SIZE)


@pytest.fixture
def blob(tmp_path):
    return tmp_path / "blobs" / ("a" * 64)


def opened(blob, size_bytes=SIZE, etag="a" * 64):
    return Partial(blob, size_bytes=size_bytes, etag=etag)


def write(partial, start, end, record_bytes=10_000):
    with partial.writer(start, record_bytes) as writer:
        for at in range(start, end, 1_000):
            writer.add(CONTENT[at : min(at + 1_000, end)])


def gaps_after(blob, start=0, end=50_000, damage=lambda: None, **options):
    """What the next run misses, when one wrote a part and `damage` happened."""
    first = opened(blob)
    write(first, start, end)
    first.close()
    damage()
    second = opened(blob, **options)
    gaps = second.missing()
    second.close()
    return gaps


def test_the_next_run_knows_what_is_there(blob):
    assert gaps_after(blob, 20_000, 45_500) == [(0, 20_000), (45_500, SIZE)]
    assert recorded(blob) == Recorded(25_500, SIZE, "a" * 64)
    assert data_path(blob).read_bytes()[20_000:] == CONTENT[20_000:45_500]


def test_what_was_not_recorded_before_a_kill_is_less_than_one_record(blob):
    partial = opened(blob)
    with partial.writer(0, 10_000) as writer:
        writer.add(CONTENT[:9_000])
        assert recorded(blob).done_bytes == 0
        writer.add(CONTENT[9_000:12_000])
        assert recorded(blob).done_bytes == 12_000
    partial.close()


def test_the_disk_is_made_to_keep_up(blob, monkeypatch):
    """A power cut may cost what came since both files were flushed, not more."""
    flushed = []
    monkeypatch.setattr("gptoss_cli.models.transfer.partial._flush", flushed.append)
    partial = Partial(blob, size_bytes=SIZE, etag="a" * 64, sync_bytes=20_000)
    write(partial, 0, SIZE, record_bytes=5_000)
    partial.close()
    assert len(flushed) == 2 * SIZE // 20_000
    assert len(set(flushed)) == 2


@pytest.mark.parametrize("options", [{"etag": "b" * 64}, {"size_bytes": SIZE - 1}])
def test_another_file_begins_from_nothing(blob, options):
    assert gaps_after(blob, **options) == [(0, options.get("size_bytes", SIZE))]
    assert data_path(blob).stat().st_size == 0


def test_a_cut_line_costs_its_extent_and_not_the_next_one(blob):
    def cut():
        journal = journal_path(blob)
        journal.write_bytes(journal.read_bytes()[:-5])

    assert gaps_after(blob, damage=cut) == [(40_000, SIZE)]
    partial = opened(blob)
    write(partial, 40_000, 50_000)
    partial.close()
    assert recorded(blob).done_bytes == 50_000


def test_a_damaged_line_is_not_believed(blob):
    def damage():
        journal = journal_path(blob)
        lines = journal.read_bytes().split(b"\n")
        lines[2] = lines[2].replace(b"2710", b"0")  # another place
        journal.write_bytes(b"\n".join(lines))

    assert gaps_after(blob, damage=damage) == [(10_000, 20_000), (50_000, SIZE)]


@pytest.mark.parametrize(
    "journal", [b"", b"\0" * 4096, b"\xff\n" * 50, b"{}", b"[]\n", b"1 2 3 4\n" * 9]
)
def test_a_journal_that_is_none_begins_from_nothing(blob, journal):
    gaps = gaps_after(blob, damage=lambda: journal_path(blob).write_bytes(journal))
    assert gaps == [(0, SIZE)]


def test_a_missing_journal_begins_from_nothing(blob):
    assert gaps_after(blob, damage=journal_path(blob).unlink) == [(0, SIZE)]


def test_a_journal_without_its_data_is_begun_anew(blob):
    assert gaps_after(blob, damage=data_path(blob).unlink) == [(0, SIZE)]
    assert len(journal_path(blob).read_bytes().splitlines()) == 1


def test_what_lies_behind_the_end_of_the_data_is_not_there(blob):
    def shorten():
        with data_path(blob).open("r+b") as file:
            file.truncate(25_000)

    assert gaps_after(blob, damage=shorten) == [(20_000, SIZE)]


def test_extents_outside_the_file_are_not_believed(blob):
    def lie():
        with journal_path(blob).open("ab") as file:
            for text in (b"ffff0 ffffff 00000000", b"-1 5 00000000", b"c350 c350 0", b"x y z"):
                file.write(b"%b %08x\n" % (text, zlib.crc32(text)))

    assert gaps_after(blob, damage=lie) == [(50_000, SIZE)]


def test_of_extents_that_overlap_the_last_one_holds(blob):
    partial = opened(blob)
    write(partial, 0, 20_000, record_bytes=20_000)
    write(partial, 5_000, 10_000, record_bytes=5_000)
    partial.close()
    again = opened(blob)
    assert again.missing() == [(0, 5_000), (10_000, SIZE)]
    again.close()


def test_what_was_written_before_a_reset_does_not_count(blob):
    partial = opened(blob)
    with partial.writer(0, 10_000) as writer:
        writer.add(CONTENT[:9_000])
        partial.reset()
    assert partial.missing() == [(0, SIZE)]
    partial.close()
    assert recorded(blob).done_bytes == 0


def test_the_end_leaves_the_blob_alone(blob):
    partial = opened(blob)
    write(partial, 0, SIZE)
    partial.finish()
    assert [path.name for path in blob.parent.iterdir()] == [blob.name]
    assert blob.read_bytes() == CONTENT


def test_discarding_leaves_nothing_and_may_be_repeated(blob):
    gaps_after(blob)
    discard(blob)
    discard(blob)
    assert list(blob.parent.iterdir()) == []
    assert recorded(blob) is None


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DownloadError, match="cannot read or write in"):
        opened(tmp_path / "file" / "blob")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_every_way_a_disk_is_full_is_told_as_such(blob, number):
    with pytest.raises(DiskFullError, match="no room left"), disk_errors(blob):
        raise OSError(number, "it is full")
