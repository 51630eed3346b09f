"""Which files of a repository are the model a person asked for. Pure.

File names on the hub change over time, so that nothing is looked for by a fixed name. Weights are
the GGUF files that are no projector, draft model or calibration data; a split model is taken
whole. Without a quantization named, the first of ``PREFERRED`` that the repository has is taken:
gpt-oss was trained in MXFP4, files called F16 and BF16 keep its experts so, and quantizing them
again saves next to nothing. What remains unclear is answered with the candidates, not guessed.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from gptoss_cli.models.names import HubModel
from gptoss_cli.models.syntax import GGUF, file_fault, quantization_of

PREFERRED: Final = ("MXFP4", "F16", "BF16", "Q8_0")
_PART: Final = re.compile(r"(?P<stem>.+)-(?P<no>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
_MOST_PARTS: Final = 1_000  # a file of a cache may be called anything
_BESIDE_WEIGHTS: Final = frozenset(("mmproj", "draft", "drafter", "eagle", "eagle3"))


@dataclass(frozen=True, slots=True)
class RepoFile:
    """A file of a repository at one commit.

    ``path`` is relative to the repository. ``sha256`` is None for files that the hub keeps in git
    itself (small ones); ``etag``, without quotes, names the file's blob in the cache.
    """

    path: str
    size_bytes: int
    sha256: str | None
    etag: str


@dataclass(frozen=True, slots=True)
class WeightSet:
    """The weights of one model: one file, or all parts of a split one in their order.

    ``name`` is the path without part number and ``.gguf``; ``missing_parts`` counts the parts
    that a split model should have and the repository has not.
    """

    name: str
    quantization: str | None
    files: tuple[RepoFile, ...]
    missing_parts: int = 0

    @property
    def size_bytes(self) -> int:
        """The size of all files together."""
        return sum(file.size_bytes for file in self.files)

    @property
    def path(self) -> str:
        """The file llama.cpp is given: the first part."""
        return self.files[0].path


class Unclear(Enum):
    """Why no weights could be chosen."""

    NO_WEIGHTS = "no weights"
    NOT_THERE = "not there"
    PARTS_MISSING = "parts missing"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Weights that may be meant, and the name that asks for exactly these."""

    weights: WeightSet
    model: HubModel

    def command(self, verb: str = "pull") -> str:
        """Return the command that takes these weights, safe to paste into a shell."""
        return f"gptoss {verb} {shlex.quote(self.model.short)}"


@dataclass(frozen=True, slots=True)
class Undecided:
    """No choice: ``message`` is a sentence, ``candidates`` the likeliest first, or empty."""

    why: Unclear
    message: str
    candidates: tuple[Candidate, ...] = ()


def weight_sets(files: Iterable[RepoFile]) -> tuple[WeightSet, ...]:
    """Return the weights among `files`, by name; split sets with missing parts are marked so.

    Files whose names must not reach a disk or a shell are not there at all.
    """
    singles: list[WeightSet] = []
    split: dict[tuple[str, str], dict[int, RepoFile]] = {}
    for file in files:
        if not file.path.casefold().endswith(GGUF) or file_fault(file.path):
            continue
        if part := _PART.fullmatch(file.path):
            split.setdefault((part["stem"], part["count"]), {})[int(part["no"])] = file
        else:
            name = file.path[: -len(GGUF)]
            singles.append(WeightSet(name, quantization_of(name), (file,)))
    sets = singles + [_split_set(stem, int(count), split[stem, count]) for stem, count in split]
    return tuple(sorted(sets, key=lambda weights: weights.name))


def choose(model: HubModel, files: Sequence[RepoFile]) -> WeightSet | Undecided:
    """Return the weights that `model` asks for among the `files` of its repository."""
    every = weight_sets(files)
    if model.file is not None:
        return _by_file(model, model.file, every)
    whole = [s for s in every if not s.missing_parts and not is_beside_weights(s)]
    if not whole:
        return _nothing(model, every)
    if model.quantization is not None:
        return _by_quantization(model, model.quantization, whole)
    for quantization in PREFERRED:
        if found := _of_quantization(quantization, whole):
            return _only(model, found)
    return _only(model, _simplest(whole))


def exact_name(model: HubModel, weights: WeightSet, files: Sequence[RepoFile]) -> HubModel:
    """Return the shortest name that means `weights` among the `files` of their repository."""
    plain = replace(model, quantization=None, file=None, note="")
    every = [s for s in weight_sets(files) if not s.missing_parts and not is_beside_weights(s)]
    if [s.name for s in every] == [weights.name]:
        return plain
    named = {c.weights.name: c.model for c in _candidates(plain, every)}
    return named.get(weights.name, replace(plain, file=weights.path))


def with_absent_parts(files: Sequence[RepoFile]) -> list[RepoFile]:
    """Return `files` and, with no bytes and no hash, the parts that their split models lack."""
    paths = {file.path for file in files}
    absent = {}
    for file in files:
        part = _PART.fullmatch(file.path)
        if part is None or int(part["count"]) > _MOST_PARTS:
            continue
        for number in range(1, int(part["count"]) + 1):
            path = f"{part['stem']}-{number:05}-of-{part['count']}{file.path[-len(GGUF) :]}"
            if path not in paths:
                absent[path] = RepoFile(path, 0, None, "")
    return [*files, *absent.values()]


def _split_set(stem: str, count: int, parts: dict[int, RepoFile]) -> WeightSet:
    numbers = sorted(parts)
    surplus = [number for number in numbers if not 1 <= number <= count]
    missing = count - (len(numbers) - len(surplus))
    files = tuple(parts[number] for number in numbers)
    return WeightSet(stem, quantization_of(stem), files, max(missing, len(surplus)))


def is_beside_weights(weights: WeightSet) -> bool:
    """Return whether a name says projector, draft model or calibration data."""
    words = set(re.split(r"[-._]", weights.name.rpartition("/")[2].casefold()))
    # Weights quantized with the help of an importance matrix say so too, beside what they are.
    return bool(words & _BESIDE_WEIGHTS) or ("imatrix" in words and weights.quantization is None)


def _by_file(model: HubModel, path: str, every: Sequence[WeightSet]) -> WeightSet | Undecided:
    """A file asked for by name is taken whatever it is called; of a split model, all its parts."""
    tests: tuple[Callable[[str], bool], ...] = (
        lambda other: other == path,
        lambda other: other.casefold() == path.casefold(),
        lambda other: other.rpartition("/")[2].casefold() == path.casefold(),
    )
    for test in tests:
        found = [s for s in every if any(test(file.path) for file in s.files)]
        if len(found) == 1 and found[0].missing_parts:
            return _parts_missing(model, found[0])
        if found:
            return _only(model, found)
    names = {s.path: s for s in every if not s.missing_parts}
    near = difflib.get_close_matches(path, names, n=len(names) or 1, cutoff=0.0)
    message = f"{model.repo_id} has no file {path}."
    return Undecided(Unclear.NOT_THERE, message, _candidates(model, [names[n] for n in near]))


def _by_quantization(
    model: HubModel, asked: str, whole: Sequence[WeightSet]
) -> WeightSet | Undecided:
    if found := _of_quantization(asked.upper(), whole):
        return _only(model, found)
    near = difflib.get_close_matches(
        asked.upper(), [s.quantization or "" for s in whole], n=len(whole), cutoff=0.0
    )
    ordered = sorted(whole, key=lambda s: near.index(s.quantization or ""))
    message = f"{model.repo_id} has no weights in {asked}."
    return Undecided(Unclear.NOT_THERE, message, _candidates(model, ordered))


def _of_quantization(wanted: str, whole: Sequence[WeightSet]) -> list[WeightSet]:
    """Return the sets called `wanted`, or else those that mean the same by another name."""
    same = [s for s in whole if s.quantization == wanted]
    alike = [s for s in whole if s.quantization and _plain(s.quantization) == _plain(wanted)]
    return _simplest(same or alike)


def _plain(quantization: str) -> str:
    """Return the quantization as it would be called without the makers' own habits."""
    return quantization.removeprefix("UD-").removesuffix("_MOE").replace("FP16", "F16")


def _simplest(sets: Sequence[WeightSet]) -> list[WeightSet]:
    """Return `sets` without split ones that are there as one file as well."""
    whole = {s.name.rpartition("/")[2].casefold() for s in sets if len(s.files) == 1}
    return [
        s for s in sets if len(s.files) == 1 or s.name.rpartition("/")[2].casefold() not in whole
    ]


def _only(model: HubModel, found: Sequence[WeightSet]) -> WeightSet | Undecided:
    if len(found) == 1:
        return found[0]
    message = f"{model.repo_id} has {len(found)} models that {model} may mean."
    return Undecided(Unclear.AMBIGUOUS, message, _candidates(model, found))


def _nothing(model: HubModel, every: Sequence[WeightSet]) -> Undecided:
    broken = [s for s in every if s.missing_parts]
    if broken:
        return _parts_missing(model, broken[0])
    message = f"{model.repo_id} has no GGUF weights."
    return Undecided(Unclear.NO_WEIGHTS, message, _candidates(model, every))


def _parts_missing(model: HubModel, weights: WeightSet) -> Undecided:
    of = len(weights.files) + weights.missing_parts
    message = f"{model.repo_id} lacks {weights.missing_parts} of {of} parts of {weights.name}."
    return Undecided(Unclear.PARTS_MISSING, message)


def _candidates(model: HubModel, sets: Sequence[WeightSet]) -> tuple[Candidate, ...]:
    """Return each of `sets` with its shortest name: by quantization where that is enough."""
    quantizations = [s.quantization for s in sets]
    return tuple(
        Candidate(
            s,
            replace(model, quantization=s.quantization, file=None, note="")
            if s.quantization and quantizations.count(s.quantization) == 1
            else replace(model, quantization=None, file=s.path, note=""),
        )
        for s in sets
    )
