"""A header is read without trusting it: damage gives a sentence, never a crash."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from gptoss_cli.errors import ExitCode, ModelFileError
from gptoss_cli.models.gguf import read_header
from gptoss_cli.models.weights import open_model
from tests.support.random_model import write_random_model


def header_bytes(path: Path) -> int:
    return read_header(path).data_offset


@pytest.fixture
def copy(random_model: Path, tmp_path: Path) -> Path:
    target = tmp_path / "copy.gguf"
    target.write_bytes(random_model.read_bytes())
    return target


def test_reads_what_the_writer_wrote(random_model):
    header = read_header(random_model)
    assert header.metadata["general.architecture"] == "gpt-oss"
    assert len(header.metadata["tokenizer.ggml.tokens"]) == 266
    assert {t.type_name for t in header.tensors} == {"F32", "Q8_0", "MXFP4"}
    assert header.promised_bytes <= header.file_bytes == random_model.stat().st_size


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"hello world, this is no model", "is not a GGUF file"),
        (b"GGUF", "damaged or cut off"),
        (b"GGUF" + struct.pack("<IQQ", 99, 0, 0), "version 99"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1), "more than any model"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 62), "a text of"),
    ],
)
def test_what_is_no_model_is_refused_with_the_reason(tmp_path, content, said):
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=said) as error:
        open_model(path)
    assert error.value.exit_code is ExitCode.NO_MODEL
    assert error.value.hint


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ModelFileError, match="there is no file"):
        open_model(tmp_path / "nothing.gguf")
    with pytest.raises(ModelFileError, match="is a folder"):
        open_model(tmp_path)


def test_cut_off_anywhere_is_noticed(random_model, tmp_path):
    whole = random_model.read_bytes()
    end = header_bytes(random_model)
    cuts = [*range(1, end, 37), end, end + 1, (end + len(whole)) // 2, len(whole) - 33]
    path = tmp_path / "cut.gguf"
    for cut in cuts:
        path.write_bytes(whole[:cut])
        with pytest.raises(ModelFileError):
            open_model(path)


def test_the_sizes_of_a_cut_file_are_said(random_model, tmp_path):
    path = tmp_path / "cut.gguf"
    path.write_bytes(random_model.read_bytes()[:-5000])
    with pytest.raises(ModelFileError, match=r"promises [\d,]+ bytes, the file has [\d,]+"):
        open_model(path)


def test_another_architecture_is_named(tmp_path):
    path = write_random_model(tmp_path / "x.gguf", changes={"general.architecture": "llama"})
    with pytest.raises(ModelFileError, match="architecture 'llama': gptoss runs gpt-oss"):
        open_model(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"gpt-oss.expert_used_count": 9},
        {"gpt-oss.expert_count": 0},
        {"gpt-oss.block_count": 6},
        {"gpt-oss.block_count": 1 << 30},
        {"gpt-oss.attention.head_count": 3},
        {"gpt-oss.attention.head_count_kv": 8},
        {"gpt-oss.attention.key_length": 16},
        {"gpt-oss.attention.sliding_window": 0},
        {"gpt-oss.attention.layer_norm_rms_epsilon": None},
        {"gpt-oss.rope.freq_base": -1.0},
        {"gpt-oss.rope.scaling.type": "yarm"},
        {"gpt-oss.nextn_predict_layers": 1},
        {"gpt-oss.expert_group_count": 9},
        {"gpt-oss.embedding_length": "many"},
        {"tokenizer.ggml.pre": "llama-bpe"},
        {"tokenizer.ggml.model": "spm"},
        {"tokenizer.ggml.eos_token_id": 1 << 20},
        {"tokenizer.ggml.tokens": ["a", "b"]},
        {"tokenizer.ggml.token_type": None},
    ],
    ids=str,
)
def test_contradictions_are_found_before_llama_cpp_asserts(tmp_path, changes):
    path = write_random_model(tmp_path / "x.gguf", changes=changes)
    with pytest.raises(ModelFileError, match="is damaged"):
        open_model(path)


def test_second_part_of_a_split_model_points_to_the_first(random_model, tmp_path):
    path = tmp_path / "m-00002-of-00003.gguf"
    path.write_bytes(random_model.read_bytes())
    with pytest.raises(ModelFileError) as error:
        open_model(path)
    assert "m-00001-of-00003.gguf" in error.value.hint


def test_missing_parts_are_named(tmp_path):
    path = write_random_model(
        tmp_path / "m-00001-of-00003.gguf", changes={"split.count": 3, "split.no": 0}
    )
    with pytest.raises(ModelFileError, match=r"2 of 3 parts.*m-00002-of-00003.gguf"):
        open_model(path)


def test_weights_of_a_kind_that_only_exists_between_operations_are_refused(copy):
    """llama.cpp dies of them; the type of the first Q8_0 tensor is changed to Q8_1 here."""
    data = copy.read_bytes()
    name = b"token_embd.weight"
    at = data.index(name) + len(name) + 4 + 2 * 8
    assert data[at : at + 4] == struct.pack("<I", 8)
    copy.write_bytes(data[:at] + struct.pack("<I", 9) + data[at + 4 :])
    with pytest.raises(ModelFileError, match="unknown type 9"):
        open_model(copy)


LOAD_MUTANTS = """
import sys
from pathlib import Path
import numpy as np
from gptoss_cli.engine.base import Cancel
from gptoss_cli.engine.context import LlamaContext, LlamaOptions
from gptoss_cli.errors import GptossError
from gptoss_cli.models.weights import open_weights

source, target, end, first, last = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:6])
whole = source.read_bytes()
for seed in range(first, last):
    random = np.random.default_rng(seed)
    data = bytearray(whole)
    for position in random.integers(0, end, random.integers(1, 5)):
        data[position] = random.integers(0, 256)
    target.write_bytes(data)
    print(seed, flush=True)
    try:
        model = open_weights(target).file
        context = LlamaContext(LlamaOptions(
            paths=(target,), context_window=256, largest_window=256,
            vocabulary_size=model.vocabulary_size, threads=1))
        context.load(lambda fraction: None, Cancel())
        context.open(256)
        context.decode([1, 2, 3], logits=True)
        context.close()
    except GptossError:
        pass
print("survived", flush=True)
"""


def test_a_damaged_header_never_kills_the_process(random_model, tmp_path):
    """400 headers with bytes changed at random go all the way into llama.cpp."""
    arguments = [random_model, tmp_path / "m.gguf", header_bytes(random_model), 0, 400]
    done = subprocess.run(
        [sys.executable, "-c", LOAD_MUTANTS, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"died after {done.stdout[-20:]} with {done.stderr[-500:]}"
    assert done.stdout.endswith("survived\n")


READ_HEADERS = """
import random, resource, sys
from pathlib import Path
from gptoss_cli.errors import ModelFileError
from gptoss_cli.models.gguf import parse_header
from gptoss_cli.models.weights import assemble, open_model

def both(path, content, end):
    '''Read it as a file and as what came from the hub; no other error may be raised.'''
    def remote():
        size = len(content)
        return parse_header(path, content[:end], size) or parse_header(path, content, size)
    for read in (lambda: open_model(path), lambda: assemble([remote()])):
        try:
            read()
        except ModelFileError as error:
            assert len(str(error)) < 2000, len(str(error))
            print("refused")
        else:
            print("taken")

for name in sys.argv[2:]:
    path = Path(name)
    content = path.read_bytes()
    if sys.argv[1] == "as it is":
        both(path, content, len(content))
        continue
    end = int(sys.argv[1])
    for seed in range(1000):
        moments = random.Random(seed)
        header = bytearray(content[:end])
        for _ in range(moments.randint(1, 4)):
            length = moments.choice((1, 1, 4, 8))
            position = moments.randrange(end - length)
            header[position : position + length] = moments.randbytes(length)
        with path.open("r+b") as file:
            file.write(header)
        both(path, bytes(header) + content[end:], end)
try:  # the parent's memory counts in ru_maxrss on Linux
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
except OSError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def read_elsewhere(*arguments: object) -> tuple[list[str], int]:
    """Return what became of the headers, and the most memory that took, in kB."""
    done = subprocess.run(
        [sys.executable, "-c", READ_HEADERS, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *results, memory = done.stdout.split()
    return results, int(memory)


def test_1000_mutated_headers_are_errors_and_need_little_memory(copy):
    results, memory_kb = read_elsewhere(header_bytes(copy), copy)
    assert len(results) == 2000
    assert results.count("refused") > 1000  # others have changed a name, or the template
    assert memory_kb < 200_000


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key.encode()) + struct.pack("<I", kind) + value


def strings(values: list[bytes]) -> bytes:
    return struct.pack("<IQ", 8, len(values)) + b"".join(map(text, values))


WIDE = "😀".encode() + b"a" * ((1 << 20) - 4)  # Python keeps four bytes for each of these
NUMBERS = struct.pack("<IQ", 4, 10**6) + b"\x7f" * (4 * 10**6)
CRAFTED = {
    "numbers": lambda: [pair(f"l{i}", 9, NUMBERS) for i in range(15)],
    "long texts": lambda: [pair(f"t{i}", 8, text(WIDE * 15)) for i in range(4)],
    "many texts": lambda: [pair(f"t{i}", 8, text(WIDE)) for i in range(60)],
    "long keys": lambda: [pair("k" * 65_000 + str(i), 4, bytes(4)) for i in range(900)],
    "one long token": lambda: [pair("tokenizer.ggml.tokens", 9, strings([WIDE * 60]))],
    "tokens": lambda: [
        pair("tokenizer.ggml.tokens", 9, strings([b"%d" % i for i in range(10**6)]))
    ],
    "architecture": lambda: [pair("general.architecture", 8, text(b"\xff" * 10**6))],
}


@pytest.mark.parametrize("name", CRAFTED)
def test_a_header_made_to_take_memory_is_refused_before_it_does(tmp_path, name):
    path = tmp_path / "m.gguf"
    pairs = CRAFTED[name]()
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs))
    results, memory_kb = read_elsewhere("as it is", path)
    assert results == ["refused", "refused"]
    assert memory_kb < 200_000 + path.stat().st_size // 1024  # which the test itself has read
