"""What is not whole in the cache: by which name it is gone on with, and by which removed.

A download knows from its journal which file of which model it is. What other programs left, or
lost its journal, has only the beginning of its ETag for a name, in the place of a revision.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gptoss_cli.models.cache.contents import CachedModel, CacheListing, PartialDownload
from gptoss_cli.models.choice import (
    Candidate,
    RepoFile,
    Unclear,
    Undecided,
    WeightSet,
    choose,
    weight_sets,
    with_absent_parts,
)
from gptoss_cli.models.names import HubModel
from gptoss_cli.models.registry import Installed
from gptoss_cli.models.syntax import revision_fault

_ETAG_LETTERS: Final = 12
_LEAST_LETTERS: Final = 7

Entry = CachedModel | PartialDownload


@dataclass(slots=True)
class Unfinished:
    """All that is here of a model that is not whole: downloads, and parts that are.

    ``weights`` is the name of its weights, None where nobody knows; ``installed`` the model that
    is here under that name and whole, where there is one.
    """

    repo_id: str
    weights: str | None
    model: HubModel
    entries: list[Entry] = field(default_factory=list)
    installed: Installed | None = None

    @property
    def partials(self) -> list[PartialDownload]:
        """Its downloads."""
        return [entry for entry in self.entries if isinstance(entry, PartialDownload)]

    @property
    def name(self) -> str:
        """Its name for people."""
        if self.installed is not None and any(partial.repairs for partial in self.partials):
            return self.installed.name
        return self.model.short

    @property
    def done_bytes(self) -> int:
        """What is here of it."""
        whole = sum(entry.size_bytes for entry in self.entries if isinstance(entry, CachedModel))
        return whole + sum(partial.done_bytes for partial in self.partials)

    @property
    def expected_bytes(self) -> int | None:
        """The size of the whole, of all its files; None where nobody knows."""
        told = [p.set_bytes or p.expected_bytes for p in self.partials]
        return max((size for size in told if size), default=None)

    @property
    def missing_files(self) -> int:
        """How many files are missing of which nothing is on its way."""
        begun = {partial.file for partial in self.partials}
        models = [entry for entry in self.entries if isinstance(entry, CachedModel)]
        return max((sum(f.path not in begun for f in m.lost) for m in models), default=0)

    @property
    def goes_on(self) -> str | None:
        """The command that makes it whole; None when nothing can be gone on with."""
        models = [entry for entry in self.entries if isinstance(entry, CachedModel)]
        if any(lost.etag for model in models for lost in model.lost):
            return f"gptoss models verify --repair {_quoted(self.model)}"
        if self.installed is not None and any(partial.repairs for partial in self.partials):
            return f"gptoss models verify --repair {shlex.quote(self.installed.name)}"
        if models or any(partial.resumable for partial in self.partials):
            return f"gptoss pull {_quoted(self.model)}"
        return None

    @property
    def goes(self) -> str:
        """The command that removes it, and nothing that is whole."""
        model = self.model
        if self.installed is not None or self.weights is None:
            if revision_fault(self.entries_etag):  # another program's file may be called anything
                return "gptoss models rm --partials"
            model = HubModel(self.repo_id, revision=self.entries_etag)
        return f"gptoss models rm {_quoted(model)}"

    @property
    def entries_etag(self) -> str:
        """The beginning of the ETag of its first download."""
        return self.partials[0].etag[:_ETAG_LETTERS] if self.partials else ""


def unfinished(listing: CacheListing, installed: Iterable[Installed] = ()) -> list[Unfinished]:
    """Return what of `listing` is not whole, beside what is `installed`, by name."""
    whole: dict[tuple[str, str], Installed] = {}
    for entry in installed:
        if isinstance(entry.model, CachedModel):
            whole.setdefault((entry.model.repo_id, entry.model.name), entry)
    found: dict[tuple[str, str, str], Unfinished] = {}
    for model in listing.unfinished:
        key = (model.repo_id, model.name, model.commit)
        found[key] = Unfinished(model.repo_id, model.name, _name_of(model, listing), [model])
    for partial in listing.partials:
        weights = _weights_name(partial)
        same = [key for key in found if key[:2] == (partial.repo_id, weights)]
        if weights is None or partial.model is None or (partial.repo_id, weights) in whole:
            # Beside what is whole it has a name of its own.
            key = (partial.repo_id, weights or "", partial.etag)
            named = partial.model or HubModel(partial.repo_id)
            here = whole.get((partial.repo_id, weights)) if weights else None
            found[key] = Unfinished(partial.repo_id, weights, named, installed=here)
        else:
            key = same[-1] if same else (partial.repo_id, weights, "")
            found.setdefault(key, Unfinished(partial.repo_id, weights, partial.model))
        found[key].entries.append(partial)
    return sorted(found.values(), key=lambda entry: (entry.model.short, entry.entries_etag))


def choose_unfinished(model: HubModel, listing: CacheListing) -> list[Entry] | Undecided:
    """Return what `model` means of what is not whole in `listing`, as a pull would choose.

    A bare repository means also what nobody knows the name of.
    """
    key = model.repo_id.casefold()
    here = [entry for entry in unfinished(listing) if entry.repo_id.casefold() == key]
    if by_etag := _by_etag(model, here):
        return by_etag
    known = [e for e in here if e.weights is not None and _is_of(e, model.revision)]
    files = {file.path: file for entry in known for file in _files(entry)}
    chosen = choose(replace(model, revision=None), with_absent_parts(list(files.values())))
    if isinstance(chosen, WeightSet):
        meant = [entry for entry in known if entry.weights == chosen.name]
    elif chosen.why is Unclear.AMBIGUOUS:
        return replace(chosen, candidates=_with_sizes(chosen.candidates, known))
    else:
        meant = []
    is_bare = (model.quantization, model.file, model.revision) == (None, None, None)
    nameless = [entry for entry in here if entry.weights is None] if is_bare else []
    return [each for entry in (*meant, *nameless) for each in entry.entries]


def of_the_same(model: CachedModel, listing: CacheListing) -> list[Entry]:
    """Return the downloads in `listing` of the weights that are here as `model`."""
    return [
        partial
        for partial in listing.partials
        if partial.repo_id == model.repo_id and _weights_name(partial) == model.name
    ]


def _by_etag(model: HubModel, here: Sequence[Unfinished]) -> list[Entry]:
    wanted = (model.revision or "").lower()
    if len(wanted) < _LEAST_LETTERS or model.file or model.quantization:
        return []
    partials = [partial for entry in here for partial in entry.partials]
    return [partial for partial in partials if partial.etag.startswith(wanted)]


def _is_of(entry: Unfinished, revision: str | None) -> bool:
    if revision is None or revision == entry.model.revision:
        return True
    models = [each for each in entry.entries if isinstance(each, CachedModel)]
    is_long = len(revision) >= _LEAST_LETTERS
    return any(
        revision in m.revisions or (is_long and m.commit.startswith(revision.lower()))
        for m in models
    )


def _with_sizes(
    candidates: Sequence[Candidate], known: Sequence[Unfinished]
) -> tuple[Candidate, ...]:
    """Return `candidates` with the sizes of what is here of them."""
    sizes = {entry.weights: entry.done_bytes for entry in known}
    return tuple(
        replace(
            candidate,
            weights=replace(
                candidate.weights,
                files=(
                    replace(
                        candidate.weights.files[0], size_bytes=sizes.get(candidate.weights.name, 0)
                    ),
                ),
            ),
        )
        for candidate in candidates
    )


def _files(entry: Unfinished) -> list[RepoFile]:
    paths = [partial.file for partial in entry.partials if partial.file]
    for model in entry.entries:
        if isinstance(model, CachedModel):
            paths += [*(file.path for file in model.files), *(file.path for file in model.lost)]
    return [RepoFile(path, 0, None, "") for path in paths]


def _weights_name(partial: PartialDownload) -> str | None:
    """Return the name of the weights that a download is a file of."""
    if partial.file is None:
        return None
    sets = weight_sets([RepoFile(partial.file, 0, None, "")])
    return sets[0].name if sets else None


def _name_of(model: CachedModel, listing: CacheListing) -> HubModel:
    """Return the shortest name that means what is left of `model`."""
    same = [m for m in (*listing.models, *listing.unfinished) if m.repo_id == model.repo_id]
    others = [m for m in same if m is not model]
    plain = HubModel(model.repo_id)
    if not others:
        return plain
    if any(other.name == model.name for other in others):
        plain = replace(plain, revision=model.commit[:_ETAG_LETTERS])
    if model.quantization and all(o.quantization != model.quantization for o in others):
        return replace(plain, quantization=model.quantization)
    return replace(plain, file=model.first_file)


def _quoted(model: HubModel) -> str:
    return shlex.quote(model.short)
