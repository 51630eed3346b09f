"""Lines one after the other on a thread of their own, and what is done when none comes."""

from __future__ import annotations

import threading
import time

import pytest

from gptoss_cli.repl.typed import Sent
from gptoss_cli.repl.work import Work, meanwhile
from tests.support.waiting import wait_until


def sent(text: str) -> Sent:
    return Sent(text, text)


SOON_S = 0.05


def test_lines_are_done_in_the_order_of_sending():
    done = []
    work = Work(lambda line, _cancel: done.append(line.text), done.append)
    work.begin(lambda: done.append("first"))
    for line in "abc":
        work.send(sent(line))
    wait_until(lambda: len(done) == 4)
    work.close()
    assert done == ["first", "a", "b", "c"]


def test_a_stop_takes_back_what_was_not_begun():
    is_begun, done = threading.Event(), []

    def do(line, cancel):
        is_begun.set()
        while not cancel.is_set():
            time.sleep(0.01)
        done.append(line.text)

    work = Work(do, done.append)
    work.begin(lambda: None)
    for line in "abc":
        work.send(sent(line))
    is_begun.wait(5)
    assert [line.text for line in work.stop()] == ["b", "c"]
    wait_until(lambda: not work.is_busy)
    work.close()
    assert done == ["a"]


def test_what_fails_is_told_and_the_next_line_is_done():
    done, failures = [], []

    def do(line, _cancel):
        if line.text == "a":
            raise KeyError(line.text)
        done.append(line.text)

    work = Work(do, failures.append)
    work.begin(lambda: None)
    work.send(sent("a"))
    work.send(sent("b"))
    wait_until(lambda: done == ["b"])
    work.close()
    assert isinstance(failures[0], KeyError)


def test_idle_time_is_used_in_order_once_at_first_and_once_after_a_line():
    done = []
    jobs = [(SOON_S, lambda _cancel, name=name: done.append(name)) for name in ("read", "title")]
    work = Work(lambda line, _cancel: done.append(line.text), done.append, *jobs)
    work.begin(lambda: None)
    wait_until(lambda: len(done) == 2)
    work.send(sent("a"))
    wait_until(lambda: len(done) == 5)
    time.sleep(4 * SOON_S)
    work.close()
    assert done == ["read", "title", "a", "read", "title"]


def test_a_line_stops_what_is_done_in_idle_time():
    done, is_idling = [], threading.Event()

    def idle(cancel):
        is_idling.set()
        while not cancel.is_set():
            time.sleep(0.01)
        done.append("stopped")

    work = Work(lambda line, _cancel: done.append(line.text), done.append, (SOON_S, idle))
    work.begin(lambda: None)
    assert is_idling.wait(5)
    work.send(sent("b"))
    wait_until(lambda: "b" in done)
    work.close()
    assert done[:2] == ["stopped", "b"]


def test_leaving_stops_what_is_done_in_idle_time():
    is_idling, failures = threading.Event(), []

    def idle(cancel):
        is_idling.set()
        while not cancel.is_set():
            time.sleep(0.01)

    work = Work(lambda _line, _cancel: None, failures.append, (SOON_S, idle))
    work.begin(lambda: None)
    assert is_idling.wait(5)
    began = time.monotonic()
    work.close()
    assert time.monotonic() - began < 2
    assert not failures


@pytest.mark.parametrize("wait_s", [0.0, 4 * SOON_S])
def test_what_is_done_while_a_line_is_typed_is_over_when_it_is_there(wait_s):
    threads = threading.active_count()
    begun, done = [], []

    def job(cancel):
        begun.append(True)
        while not cancel.is_set():
            time.sleep(0.01)
        done.append(True)

    with meanwhile((SOON_S, job)):
        time.sleep(wait_s)
    assert begun == done == ([True] if wait_s else [])
    assert threading.active_count() == threads
