"""What the hub's own names may look like: repositories, revisions, files, ETags, quantizations.

All of them reach this program from outside, typed by a person or sent by a server, and most of
them become paths on this disk. Each ``…_fault`` returns what is wrong with a name, as the end of
a sentence ("it …"), or None when it is harmless. The rules for repositories are those of
huggingface_hub (``utils/_validators.py``), for revisions those of git (check-ref-format), for
files the strictest of the platforms a cache may be moved to. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

GGUF: Final = ".gguf"
LARGEST_PART_BYTES: Final = 255  # the longest file name that ext4, APFS and NTFS take
LARGEST_PATH_BYTES: Final = 1024
_LARGEST_REPO_PART: Final = 96

_REPO_PART: Final = re.compile(r"\w(?:[\w.-]*\w)?", re.ASCII)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ETAG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_QUANTIZATION: Final = re.compile(
    r"(?<![A-Za-z0-9])"
    r"(?:UD-)?"  # Unsloth's own mixtures
    r"(?:(?:I?Q|TQ)\d(?:_(?:[A-Z]{1,3}|\d)(?![A-Za-z0-9]))*|(?:MX|NV)FP4(?:_MOE)?|BF16|FP?16|FP?32)"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_ASKED_QUANTIZATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_DEVICES: Final = re.compile(r"CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³]", re.IGNORECASE)
# Control, format (also those that turn the order of reading round), surrogates, line ends.
_INVISIBLE: Final = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def has_invisible(text: str) -> bool:
    """Return whether `text` holds characters that are obeyed or hidden instead of shown."""
    if text.isascii():
        return not text.isprintable()
    return any(unicodedata.category(character) in _INVISIBLE for character in text)


def repo_id_fault(repo_id: str) -> str | None:
    """Return what is wrong with ``organisation/repository``; a name alone is no repository here."""
    parts = repo_id.split("/")
    if len(parts) != 2 or not all(parts):
        return "is not ORGANISATION/REPOSITORY"
    if any(len(part) > _LARGEST_REPO_PART for part in parts):
        return f"has a part of more than {_LARGEST_REPO_PART} characters"
    if not all(_REPO_PART.fullmatch(part) for part in parts):
        return "may have letters, digits, - _ and . only, and none of - . at an end"
    if "--" in repo_id or ".." in repo_id:
        return "has -- or .. in it"
    if repo_id.endswith(".git"):
        return "ends with .git"
    return None


def revision_fault(revision: str) -> str | None:
    """Return what is wrong with a branch, tag or commit; slashes are allowed inside."""
    if not revision:
        return "is empty"
    if re.search(r"[\s~^:?*\[\]\\\"'<>|@{}$`;&]", revision):
        return "has a character that no branch, tag or commit has"
    if ".." in revision or any(
        part.endswith(".lock") or part.startswith("-") for part in revision.split("/")
    ):
        return "is no name of a branch, tag or commit"
    return file_fault(revision)


def file_fault(path: str) -> str | None:
    """Return why the file called `path` in a repository must not be written to this disk.

    `path` is relative and has forward slashes. It is refused when it could leave the folder it is
    put into, or means a device, another file or nothing at all on one of the platforms.
    """
    if not path:
        return "is empty"
    if has_invisible(path):
        return "has control characters or invisible ones in it"
    if len(path.encode()) > LARGEST_PATH_BYTES:
        return "is too long"
    if re.search(r'[\\:<>"|?*]', path):
        return 'has one of \\ : < > " | ? * in it'
    return next((fault for part in path.split("/") if (fault := _part_fault(part))), None)


def _part_fault(part: str) -> str | None:
    """Return what is wrong with one part of a path."""
    if not part:
        return "has an empty part, or begins or ends with /"
    if part in {".", ".."}:
        return f"has {part} in it"
    if len(part.encode()) > LARGEST_PART_BYTES:
        return "is too long"
    if part[-1] in ". ":
        return "has a part that ends with a dot or a space"
    if _DEVICES.fullmatch(part.partition(".")[0].rstrip()):
        return "names a device"
    return None


def is_commit(text: str) -> bool:
    """Return whether `text` is a whole git commit hash, in lower case."""
    return _COMMIT.fullmatch(text) is not None


def is_sha256(text: str) -> bool:
    """Return whether `text` is a SHA-256 in lower-case hexadecimal."""
    return _SHA256.fullmatch(text) is not None


def etag_fault(etag: str) -> str | None:
    """Return why `etag`, without its quotes, cannot name a file of the cache."""
    if not _ETAG.fullmatch(etag) or etag.endswith((".incomplete", ".lock")):
        return "is not a hash"
    return file_fault(etag)


def is_quantization(text: str) -> bool:
    """Return whether `text` as a whole names a quantization, such as ``Q4_K_M`` or ``mxfp4``."""
    return _QUANTIZATION.fullmatch(text) is not None


def may_be_quantization(text: str) -> bool:
    """Return whether `text` can stand after the colon of a name."""
    return _ASKED_QUANTIZATION.fullmatch(text) is not None


def quantization_of(path: str) -> str | None:
    """Return the quantization that the name of a GGUF file tells, in capitals, or None.

    The last one in the file's own name counts, else the folder's: repositories with many put each
    into a folder of that name.
    """
    folder, _, name = path.rpartition("/")
    found = _QUANTIZATION.findall(name.removesuffix(GGUF))
    if not found and is_quantization(folder.rpartition("/")[2]):
        found = [folder.rpartition("/")[2]]
    return found[-1].upper() if found else None
