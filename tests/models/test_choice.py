"""The right files of a repository are chosen by rule, and doubt is answered with candidates."""

from __future__ import annotations

import shlex

import pytest

from gptoss_cli.models.choice import (
    RepoFile,
    Unclear,
    Undecided,
    WeightSet,
    choose,
    weight_sets,
)
from gptoss_cli.models.names import HubModel, parse

LARGE = "ggml-org/gpt-oss-120b-GGUF"
UNSLOTH_20B = "unsloth/gpt-oss-20b-GGUF"
UNSLOTH_120B = "unsloth/gpt-oss-120b-GGUF"
QUANTIZATIONS = (
    "Q2_K",
    "Q2_K_L",
    "Q3_K_M",
    "Q3_K_S",
    "Q4_0",
    "Q4_1",
    "Q4_K_M",
    "Q4_K_S",
    "Q5_K_M",
    "Q5_K_S",
    "Q6_K",
    "Q8_0",
    "UD-Q4_K_XL",
    "UD-Q6_K_XL",
    "UD-Q8_K_XL",
)


def file(path: str, size_bytes: int = 1000) -> RepoFile:
    return RepoFile(path, size_bytes, "0" * 64, "0" * 64)


def parts(stem: str, count: int, size_bytes: int = 1000) -> list[RepoFile]:
    return [file(f"{stem}-{no:05}-of-{count:05}.gguf", size_bytes) for no in range(1, count + 1)]


SMALL_FILES = [
    file(".gitattributes", 1600),
    file("README.md", 2000),
    file("gpt-oss-20b-mxfp4.gguf", 12_109_566_560),
]
LARGE_FILES_OLD = [file("README.md"), *parts("gpt-oss-120b-mxfp4", 3, 21_000_000_000)]
LARGE_FILES_NEW = [file("README.md"), file("gpt-oss-120b-MXFP4.gguf", 63_387_346_208)]
UNSLOTH_20B_FILES = [
    file("README.md"),
    file("config.json"),
    file("imatrix_unsloth.gguf", 20_000_000),
    file("gpt-oss-20b-F16.gguf", 13_792_639_104),
    *[file(f"gpt-oss-20b-{q}.gguf", 11_500_000_000) for q in QUANTIZATIONS],
]
UNSLOTH_120B_FILES = [
    file("README.md"),
    file("gpt-oss-120b-F16.gguf", 65_369_017_856),
    *[p for q in QUANTIZATIONS for p in parts(f"{q}/gpt-oss-120b-{q}", 2, 31_000_000_000)],
]


def chosen(name: str, files: list[RepoFile]) -> list[str]:
    """The paths that `name` means among `files`."""
    model = parse(name)
    assert isinstance(model, HubModel)
    result = choose(model, files)
    assert isinstance(result, WeightSet), result
    return [f.path for f in result.files]


def undecided(name: str, files: list[RepoFile]) -> Undecided:
    model = parse(name)
    assert isinstance(model, HubModel)
    result = choose(model, files)
    assert isinstance(result, Undecided), result
    return result


def test_the_20b_of_ggml_org():
    assert chosen("20b", SMALL_FILES) == ["gpt-oss-20b-mxfp4.gguf"]


def test_the_120b_of_ggml_org_whichever_way_it_is_stored():
    old = [f"gpt-oss-120b-mxfp4-0000{no}-of-00003.gguf" for no in (1, 2, 3)]
    assert chosen("120b", LARGE_FILES_OLD) == old
    assert chosen("120b", LARGE_FILES_NEW) == ["gpt-oss-120b-MXFP4.gguf"]
    # While one replaces the other both are there: they are the same weights, not a choice.
    assert chosen("120b", LARGE_FILES_OLD + LARGE_FILES_NEW) == ["gpt-oss-120b-MXFP4.gguf"]


def test_without_mxfp4_in_a_name_the_file_with_untouched_experts_is_taken():
    assert chosen(UNSLOTH_20B, UNSLOTH_20B_FILES) == ["gpt-oss-20b-F16.gguf"]
    assert chosen(UNSLOTH_120B, UNSLOTH_120B_FILES) == ["gpt-oss-120b-F16.gguf"]
    without = [f for f in UNSLOTH_20B_FILES if "F16" not in f.path]
    assert chosen(UNSLOTH_20B, without) == ["gpt-oss-20b-Q8_0.gguf"]
    several = [*UNSLOTH_20B_FILES, file("gpt-oss-20b-MXFP4_MOE.gguf")]
    assert chosen(UNSLOTH_20B, several) == ["gpt-oss-20b-MXFP4_MOE.gguf"]


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("Q4_K_M", "gpt-oss-20b-Q4_K_M.gguf"),
        ("q4_k_m", "gpt-oss-20b-Q4_K_M.gguf"),
        ("UD-Q4_K_XL", "gpt-oss-20b-UD-Q4_K_XL.gguf"),
        ("Q4_K_XL", "gpt-oss-20b-UD-Q4_K_XL.gguf"),
        ("fp16", "gpt-oss-20b-F16.gguf"),
    ],
)
def test_a_quantization_is_asked_for_by_name(asked, path):
    assert chosen(f"{UNSLOTH_20B}:{asked}", UNSLOTH_20B_FILES) == [path]


def test_a_quantization_in_a_folder_is_a_split_set_and_taken_whole():
    assert chosen(f"{UNSLOTH_120B}:Q4_K_M", UNSLOTH_120B_FILES) == [
        "Q4_K_M/gpt-oss-120b-Q4_K_M-00001-of-00002.gguf",
        "Q4_K_M/gpt-oss-120b-Q4_K_M-00002-of-00002.gguf",
    ]
    nameless = [file("Q8_0/weights.gguf"), file("Q4_0/weights.gguf")]
    assert chosen("org/repo:Q4_0", nameless) == ["Q4_0/weights.gguf"]


def test_a_quantization_that_is_not_there_lists_the_nearest_first():
    result = undecided(f"{UNSLOTH_20B}:Q4_K_X", UNSLOTH_20B_FILES)
    assert result.why is Unclear.NOT_THERE
    assert "Q4_K_X" in result.message
    nearest = [candidate.weights.quantization for candidate in result.candidates[:4]]
    assert {"Q4_K_M", "Q4_K_S"} <= set(nearest)
    assert len(result.candidates) == len(QUANTIZATIONS) + 1


def test_a_file_is_asked_for_by_name_in_any_case_and_without_its_folder():
    for name in ("gpt-oss-20b-Q6_K.gguf", "GPT-OSS-20B-q6_k.gguf"):
        assert chosen(f"{UNSLOTH_20B}/{name}", UNSLOTH_20B_FILES) == ["gpt-oss-20b-Q6_K.gguf"]
    part = "gpt-oss-120b-Q6_K-00002-of-00002.gguf"
    expected = [f"Q6_K/gpt-oss-120b-Q6_K-0000{no}-of-00002.gguf" for no in (1, 2)]
    assert chosen(f"{UNSLOTH_120B}/{part}", UNSLOTH_120B_FILES) == expected
    assert chosen(f"{UNSLOTH_120B}/Q6_K/{part}", UNSLOTH_120B_FILES) == expected


def test_a_file_whose_name_has_changed_leads_to_the_new_one():
    result = undecided(f"{LARGE}/gpt-oss-120b-mxfp4-00001-of-00003.gguf", LARGE_FILES_NEW)
    assert result.why is Unclear.NOT_THERE
    assert [c.command() for c in result.candidates] == ["gptoss pull 120b:MXFP4"]
    assert result.candidates[0].weights.size_bytes == 63_387_346_208


def test_what_goes_beside_weights_is_not_taken_for_weights():
    beside = [
        file("mmproj-F16.gguf"),
        file("gpt-oss-20b-mmproj-MXFP4.gguf"),
        file("gpt-oss-20b-draft-MXFP4.gguf"),
        file("gpt-oss-20b-eagle3-F16.gguf"),
        file("imatrix_unsloth.gguf"),
        file("gpt-oss-20b.imatrix.gguf"),
    ]
    weights = file("gpt-oss-20b-Q4_K_M.gguf")
    assert chosen("org/repo", [*beside, weights]) == [weights.path]
    assert undecided("org/repo", beside).why is Unclear.NO_WEIGHTS
    quantized_with_one = file("gpt-oss-20b-imatrix-Q4_K_M.gguf")
    assert chosen("org/repo", [*beside, quantized_with_one]) == [quantized_with_one.path]
    # The rule goes by words in a name and may be wrong: what is named outright is taken.
    assert chosen("org/repo/gpt-oss-20b-draft-MXFP4.gguf", beside) == [beside[2].path]


def test_a_split_set_with_a_part_missing_is_never_taken():
    broken = parts("gpt-oss-120b-mxfp4", 3)[:2]
    result = undecided(LARGE, broken)
    assert result.why is Unclear.PARTS_MISSING
    assert "lacks 1 of 3 parts" in result.message
    named = undecided(f"{LARGE}/gpt-oss-120b-mxfp4-00001-of-00003.gguf", broken)
    assert named.why is Unclear.PARTS_MISSING
    assert chosen(LARGE, [*broken, file("gpt-oss-120b-Q8_0.gguf")]) == ["gpt-oss-120b-Q8_0.gguf"]


def test_two_models_in_one_repository_are_a_question_with_a_command_for_each():
    files = [file("gpt-oss-20b-mxfp4.gguf", 12), file("gpt-oss-120b-mxfp4.gguf", 63)]
    result = undecided("org/both@v1", files)
    assert result.why is Unclear.AMBIGUOUS
    assert [(c.command(), c.weights.size_bytes) for c in result.candidates] == [
        ("gptoss pull org/both/gpt-oss-120b-mxfp4.gguf@v1", 63),
        ("gptoss pull org/both/gpt-oss-20b-mxfp4.gguf@v1", 12),
    ]


def test_each_command_that_is_offered_means_exactly_its_candidate():
    odd = [*parts("Q4_K_M/a", 2), file("b c-Q5_K_M.gguf"), file("d.gguf"), file("e.gguf")]
    result = undecided("org/repo", odd)
    assert len(result.candidates) == 4
    for candidate in result.candidates:
        name = shlex.split(candidate.command("show"))[2]
        assert chosen(name, odd) == [f.path for f in candidate.weights.files]


def test_a_repository_without_gguf_says_so():
    result = undecided("openai/gpt-oss", [file("model.safetensors"), file("README.md")])
    assert result.why is Unclear.NO_WEIGHTS
    assert not result.candidates


def test_names_that_could_harm_a_disk_or_a_shell_do_not_exist():
    hostile = [
        "../../.bashrc.gguf",
        "/etc/passwd.gguf",
        "..\\..\\a.gguf",
        "C:\\a.gguf",
        "a\x1b[2J.gguf",
        "a\n.gguf",
        "a\u202efugg.gguf",
        "x/../../a.gguf",
        "NUL.gguf",
        "com1.x.gguf",
        "a:b.gguf",
        "x" * 300 + ".gguf",
    ]
    assert weight_sets([file(path) for path in hostile]) == ()
    assert undecided("org/repo", [file(path) for path in hostile]).why is Unclear.NO_WEIGHTS
    shell = [file("$(id)-Q4_0.gguf"), file("`id`-Q4_0.gguf")]
    for candidate in undecided("org/repo", shell).candidates:
        assert shlex.split(candidate.command())[2].startswith("org/repo/")
