"""The limits of containers count, wherever in the tree of cgroups they are set."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from gptoss_cli import machine

GB = 10**9


def put(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path)
    monkeypatch.setattr(machine, "_OWN_CGROUPS", tmp_path / "own")
    return tmp_path


def test_without_cgroups_the_whole_machine_counts(cgroups):
    free = machine.memory()
    put(cgroups, own="0::/")
    assert machine.memory().total == free.total


def test_the_least_limit_on_the_way_up_counts(cgroups):
    put(cgroups, own="0::/user.slice/run.scope")
    put(cgroups / "user.slice", memory__max=2 * GB, memory__current=GB, memory__stat="file 0")
    put(cgroups / "user.slice" / "run.scope", memory__max="max", memory__current=0)
    put(cgroups / "other.slice", memory__max=1, memory__current=0, memory__stat="file 0")
    assert machine.memory() == machine.Memory(2 * GB, GB)


def test_the_page_cache_gives_way(cgroups):
    put(cgroups, own="0::/", memory__max=2 * GB, memory__current=2 * GB)
    put(cgroups, memory__stat=f"anon 5\nfile {GB // 2}")
    assert machine.memory() == machine.Memory(2 * GB, GB // 2)


def test_version_1_of_cgroups(cgroups):
    put(cgroups, own="5:cpu,cpuacct:/\n4:memory:/job\n0::/")
    job = cgroups / "memory" / "job"
    put(job, memory__limit_in_bytes=3 * GB, memory__usage_in_bytes=GB)
    put(job, memory__stat=f"cache 1\ntotal_cache {GB // 4}")
    assert machine.memory() == machine.Memory(3 * GB, 2 * GB + GB // 4)


def test_a_quota_of_cores_above_counts(cgroups):
    put(cgroups, own="0::/a/b")
    put(cgroups / "a", cpu__max="100000 100000")
    put(cgroups / "a" / "b", cpu__max="max 100000")
    assert machine.usable_cores() == 1


@pytest.mark.parametrize(
    ("battery", "is_on_battery"),
    [
        (None, False),
        (SimpleNamespace(power_plugged=True), False),
        (SimpleNamespace(power_plugged=None), False),
        (SimpleNamespace(power_plugged=False), True),
    ],
)
def test_only_a_battery_that_is_not_charged_is_one_to_spare(monkeypatch, battery, is_on_battery):
    monkeypatch.setattr(machine.psutil, "sensors_battery", lambda: battery, raising=False)
    assert machine.is_on_battery() is is_on_battery


def test_where_nothing_tells_of_batteries_there_is_none(monkeypatch):
    monkeypatch.delattr(machine.psutil, "sensors_battery", raising=False)
    assert machine.is_on_battery() is False
