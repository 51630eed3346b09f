"""A request to stop is heard, wherever Python is when it comes."""

from __future__ import annotations

import contextlib
import signal

import pytest

from gptoss_cli.chat.interrupt import Halted, Interruption
from gptoss_cli.engine.base import Cancel
from gptoss_cli.errors import ExitCode


def test_the_first_request_lets_an_answer_end_and_the_second_does_not():
    cancel = Cancel()
    with Interruption() as interruption, interruption.stopping(cancel):
        signal.raise_signal(signal.SIGINT)
        assert cancel.is_set()
        with pytest.raises(Halted):
            signal.raise_signal(signal.SIGINT)
        assert interruption.exit_code == ExitCode.INTERRUPTED


def test_a_request_that_a_destructor_swallowed_is_heard_before_the_answer():
    with Interruption(60) as interruption:
        interruption.begin_limit()
        with contextlib.suppress(Halted):
            signal.raise_signal(signal.SIGALRM)
        with pytest.raises(Halted), interruption.stopping(Cancel()):
            pass
        assert interruption.exit_code == ExitCode.TIMEOUT
