"""What all tests share: a guarded home folder, and models made once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gptoss_cli.config.keys import variables
from tests.support.hub import FakeHub
from tests.support.random_model import write_random_model

# Whoever starts the tests in the background may have them ignore signals (nohup, "&"), and every
# program they start inherits that.
for _name in ("SIGHUP", "SIGQUIT", "SIGTERM", "SIGTSTP"):
    _number = getattr(signal, _name, None)
    if _number is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own: no test reads or writes the person's."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("NO_COLOR", "FORCE_COLOR", "HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small gpt-oss with random weights."""
    return write_random_model(tmp_path_factory.mktemp("models") / "random.gguf")


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A hub without repositories, on this machine."""
    with FakeHub() as hub:
        yield hub
