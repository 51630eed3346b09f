"""What a person types is understood, and what cannot be meant is refused with help."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptoss_cli.errors import UsageError
from gptoss_cli.models.names import CATALOG, Demo, HubModel, LocalPath, nearest, parse
from gptoss_cli.models.syntax import file_fault, repo_id_fault, revision_fault

SMALL = "ggml-org/gpt-oss-20b-GGUF"


@pytest.mark.parametrize(
    ("name", "repo_id"),
    [
        ("20b", SMALL),
        ("120B", "ggml-org/gpt-oss-120b-GGUF"),
        ("safeguard-20b", "unsloth/gpt-oss-safeguard-20b-GGUF"),
        ("gpt-oss-safeguard:120b", "unsloth/gpt-oss-safeguard-120b-GGUF"),
        ("gpt-oss:20b", SMALL),
        ("gpt-oss-20b", SMALL),
        ("GPT-OSS-20B-GGUF", SMALL),
        ("gpt_oss_20b", SMALL),
    ],
)
def test_usual_spellings_of_the_four_models(name, repo_id):
    assert parse(name) == HubModel(repo_id)


def test_the_original_repository_has_no_gguf_and_a_note_says_what_is_used_instead():
    for name in ("openai/gpt-oss-20b", "https://huggingface.co/openai/gpt-oss-20b"):
        model = parse(name)
        assert isinstance(model, HubModel)
        assert model.repo_id == SMALL
        assert "openai/gpt-oss-20b" in model.note
        assert SMALL in model.note


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("org/repo", HubModel("org/repo")),
        ("org/repo:Q4_K_M", HubModel("org/repo", quantization="Q4_K_M")),
        ("org/repo@v1.0", HubModel("org/repo", "v1.0")),
        ("org/repo@refs/pr/3", HubModel("org/repo", "refs/pr/3")),
        ("org/repo@main:UD-Q4_K_XL", HubModel("org/repo", "main", "UD-Q4_K_XL")),
        ("org/repo:Q8_0@main", HubModel("org/repo", "main", "Q8_0")),
        ("org/repo/a.gguf", HubModel("org/repo", file="a.gguf")),
        ("org/repo/x/y/a.GGUF", HubModel("org/repo", file="x/y/a.GGUF")),
        ("org/repo/x/a.gguf@v1", HubModel("org/repo", "v1", file="x/a.gguf")),
        ("org/repo@v1/x/a.gguf", HubModel("org/repo", "v1", file="x/a.gguf")),
        ("org/repo@refs/pr/3/a.gguf", HubModel("org/repo", "refs/pr/3", file="a.gguf")),
        ("org/repo/Q4_K_M", HubModel("org/repo", quantization="Q4_K_M")),
        ("20b:Q8_0", HubModel(SMALL, quantization="Q8_0")),
        ("gpt-oss:20b@v1", HubModel(SMALL, "v1")),
        ("gpt-oss:20b:Q8_0", HubModel(SMALL, quantization="Q8_0")),
    ],
)
def test_repositories_with_quantization_revision_and_file(name, model):
    assert parse(name) == model


@pytest.mark.parametrize(
    ("url", "model"),
    [
        ("https://huggingface.co/org/repo", HubModel("org/repo")),
        ("https://huggingface.co/org/repo/", HubModel("org/repo")),
        ("huggingface.co/org/repo", HubModel("org/repo")),
        ("hf.co/org/repo:Q4_K_M", HubModel("org/repo", quantization="Q4_K_M")),
        ("hf://org/repo@v1/a.gguf", HubModel("org/repo", "v1", file="a.gguf")),
        (
            "https://huggingface.co/org/repo/resolve/main/x/a.gguf?download=true#top",
            HubModel("org/repo", file="x/a.gguf"),
        ),
        (
            "https://huggingface.co/org/repo/blob/v1/a%20b.gguf",
            HubModel("org/repo", "v1", file="a b.gguf"),
        ),
        (
            "https://huggingface.co/org/repo/blob/refs%2Fpr%2F1/a.gguf",
            HubModel("org/repo", "refs/pr/1", file="a.gguf"),
        ),
        ("https://huggingface.co/org/repo/tree/v1", HubModel("org/repo", "v1")),
        (
            "https://huggingface.co/org/repo/tree/main/Q8_0",
            HubModel("org/repo", quantization="Q8_0"),
        ),
    ],
)
def test_addresses_as_a_browser_shows_them(url, model):
    assert parse(url) == model


def test_the_address_of_another_hub_is_understood_when_it_is_the_one_in_use():
    url = "http://localhost:8080/org/repo/resolve/main/a.gguf"
    assert parse(url, endpoint="http://localhost:8080") == HubModel("org/repo", file="a.gguf")
    with pytest.raises(UsageError, match="is no address of the Hugging Face hub"):
        parse(url)


@pytest.mark.parametrize(
    "name",
    [
        "./a.gguf",
        "../models/a.gguf",
        "~/models/a.gguf",
        "/models/a.gguf",
        "a.gguf",
        "models/a.gguf",
        "C:\\models\\a.gguf",
        "c:/models/a.gguf",
        ".",
    ],
)
def test_what_looks_like_a_path_is_one(name):
    assert parse(name) == LocalPath(Path(name))


def test_a_path_that_exists_wins_over_a_repository_of_that_name():
    assert parse("org/repo", is_path=True) == LocalPath(Path("org/repo"))
    assert parse("openai/gpt-oss-20b", is_path=True) == LocalPath(Path("openai/gpt-oss-20b"))
    assert parse("my model", is_path=True) == LocalPath(Path("my model"))


def test_the_program_s_own_names_mean_the_same_in_every_folder():
    assert parse("demo", is_path=True) == Demo()
    assert parse("20b", is_path=True) == HubModel(SMALL)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "org",
        "org/",
        "/".join(["a"] * 3),
        "org//repo",
        "org/re po",
        "org/re\x1b[31mpo",
        "org/re\u202epo",
        "org/re\npo",
        "org/a..b",
        "org/a--b",
        "org/.git",
        "org/repo.git",
        "-org/repo",
        "org/" + "x" * 97,
        "x" * 5000,
        "org/repo:",
        "org/repo:a b",
        "org/repo:Q4_K_M:Q8_0",
        "org/repo@",
        "org/repo@a..b",
        "org/repo@../../etc",
        "org/repo@/etc",
        "org/repo@a@b",
        "org/repo@v1$(id)",
        "org/repo/../../a.gguf",
        "org/repo/./a.gguf",
        "org/repo//a.gguf",
        "org/repo/x/NUL.gguf",
        "org/repo/x./a.gguf",
        "org/repo/" + "x" * 300 + ".gguf",
        "org/repo/a.safetensors",
        "org/repo/a.gguf:Q8_0",
        "org/repo:Q8_0/a.gguf",
        "org/repo/a.gguf@v1/b.gguf",
        "https://example.com/org/repo",
        "https://user:secret@example.com/org/repo",
        "ftp://huggingface.co/org/repo",
        "file:///etc/passwd",
        "https://huggingface.co/",
        "https://huggingface.co/datasets/org/repo",
        "https://huggingface.co/org/repo/resolve/main/..%2F..%2Fa.gguf",
        "https://huggingface.co/org/repo/resolve/main/a%00.gguf",
        "https://huggingface.co/org/repo/blob/main/README.md",
        "https://[::1/org/repo",
    ],
)
def test_a_bad_name_is_refused_with_a_hint(name):
    with pytest.raises(UsageError) as error:
        parse(name)
    assert error.value.hint
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 250


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("20", "20b"),
        ("gpt-oss-21b", "20b"),
        ("gpt-oss-120", "120b"),
        ("safegard-20b", "safeguard-20b"),
        ("ggml-org/gpt-oss-20b", "20b"),
        ("gpt-oss-120b-GUFF", "120b"),
        ("dmeo", "demo"),
    ],
)
def test_a_slip_of_the_keyboard_finds_the_nearest_model(name, near):
    assert nearest(name) == near


def test_the_hint_of_a_slip_names_the_nearest_model():
    with pytest.raises(UsageError) as error:
        parse("gpt-os-20b")
    assert "20b" in error.value.hint


def test_a_name_that_is_printed_means_the_same_when_it_is_typed():
    for text in ("org/repo", "org/repo@v1:Q8_0", "org/repo/x/a.gguf@v1", "org/repo:Q8_0"):
        model = parse(text)
        assert isinstance(model, HubModel)
        assert str(model) == text
    model = HubModel("org/repo", file="x/a@b.gguf")
    assert parse(str(model)) == replace(model, revision="main")
    for short in CATALOG:
        model = parse(f"{short}@v1:Q8_0")
        assert isinstance(model, HubModel)
        assert model.short == f"{short}@v1:Q8_0"
        assert parse(model.short) == parse(str(model)) == model


PIECES = ["org", "repo", "20b", "a.gguf", "main", "refs/pr/1", "Q4_K_M", "https://huggingface.co"]
MARKS = ["/", "@", ":", "..", ".", "%2F", "%00", "\\", "~", "//", "\x1b", "\u202e", "\ud800", " "]


@given(st.lists(st.sampled_from(PIECES + MARKS) | st.text(max_size=5), max_size=10).map("".join))
def test_whatever_is_typed_is_understood_or_refused_and_no_part_can_do_harm(name):
    try:
        model = parse(name)
    except UsageError:
        return
    if isinstance(model, HubModel):
        assert repo_id_fault(model.repo_id) is None
        assert model.revision is None or revision_fault(model.revision) is None
        assert model.file is None or file_fault(model.file) is None


@given(st.lists(st.sampled_from(["a", "b.gguf", *MARKS]) | st.text(max_size=4), max_size=8))
def test_a_file_that_is_let_through_stays_in_its_folder(parts):
    path = "".join(parts)
    if file_fault(path) is None:
        folder = Path("/cache/snapshot")
        assert folder in Path(os.path.normpath(folder / path)).parents
        assert not PureWindowsPath(path).is_absolute()
        assert not PureWindowsPath(path).drive
        assert path.isprintable() or not path.isascii()
