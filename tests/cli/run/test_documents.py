"""Documents that go along with a one-shot."""

from __future__ import annotations

import pytest

from tests.cli.run.test_standard_input import RUN, shell
from tests.support.program import gptoss

GREEDY = ("run", "-m", "demo", "--temperature", "0")


def prompt(*arguments, **options) -> str:
    """The prompt that would be sent."""
    done = gptoss("run", "-m", "demo", "--dry-run", *arguments, **options)
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["with blank.txt", "한글 이름.txt", "new\nline.txt", "-dash.txt"])
def test_files_of_any_name_are_named_and_fenced(tmp_path, name):
    path = tmp_path / name
    path.write_text("```\ncode\n```\n", encoding="utf-8")
    sent = prompt("-f", path, "What is this?")
    assert "<|message|>File: " in sent
    assert "````\n```\ncode\n```\n````\n\n\nWhat is this?<|end|>" in sent


def test_documents_words_and_what_is_piped_stand_in_this_order(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("the file")
    sent = prompt("-f", path, "the words", stdin="the pipe\n")
    places = [sent.index(part) for part in ("the file", "the words", "the pipe")]
    assert places == sorted(places)


def test_standard_input_as_a_document_is_fenced():
    sent = prompt("-f", "-", "Read:", stdin="the pipe\n")
    assert "File: standard input\n```\nthe pipe\n```" in sent


def test_globs_and_encodings(tmp_path):
    (tmp_path / "a.txt").write_text("하나", encoding="cp949")
    (tmp_path / "b.txt").write_text("둘", encoding="utf-16")
    sent = prompt("-f", f"{tmp_path}/*.txt", "Read:")
    assert "하나" in sent
    assert "둘" in sent


def test_a_document_alone_is_a_question(tmp_path):
    path = tmp_path / "sum.txt"
    path.write_text("12 + 30")
    assert "42" in gptoss(*GREEDY, "-f", path).stdout


def test_what_a_shell_substitutes_is_read():
    done = shell(f"{RUN} -f <(echo '12 + 30') 'Please add:'")
    assert "42" in done.stdout


@pytest.mark.parametrize(
    ("content", "said"), [(b"\x89PNG\r\n\x1a\n\0\0", "reads text"), (None, "there")]
)
def test_what_is_no_text_is_refused_before_anything_is_loaded(tmp_path, content, said):
    path = tmp_path / "thing.bin"
    if content is not None:
        path.write_bytes(content)
    done = gptoss("run", "-m", "nowhere.gguf", "-f", path, "Read:")
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_dry_run_counts_and_loads_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\n")
    done = gptoss("run", "-m", "demo", "--dry-run", "-f", path, "Read <|end|>:")
    assert done.stdout.startswith("<|start|>system<|message|>")
    assert done.stdout.endswith("<|end|><|start|>assistant\n")
    assert "a.txt · 2 lines · " in done.stderr
    assert "context 8,192" in done.stderr
    told = gptoss("run", "-m", "demo", "--dry-run", "--json", "-f", path, "Read:")
    assert '"documents": [{"name": ' in told.stdout


def test_a_prompt_that_does_not_fit_is_told_before_anything_is_loaded(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("word " * 30_000)
    done = gptoss("run", "-m", "demo", "--dry-run", "-f", path, "--context", "1024", "Read:")
    assert done.exit_code == 4
    assert "tokens" in done.stderr
