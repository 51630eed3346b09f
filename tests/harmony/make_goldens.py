"""Make ``goldens.json.gz`` with the reference, the openai-harmony package.

    python -m tests.harmony.make_goldens FOLDER

FOLDER holds ``o200k_base.tiktoken``, the published vocabulary. It stays out of the repository; the
goldens carry the few ranks that encoding their texts can ever touch, so the tests need no download.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
from base64 import b64decode
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import openai_harmony as reference
import regex

from gptoss_cli.harmony.vocabulary import O200K_SPLIT
from gptoss_cli.messages import Conversation, Message
from tests.harmony.conversations import (
    COMPLETIONS,
    CONVERSATIONS,
    DROPPED_BY_THE_DOCS,
    RUNS,
    TEXTS,
)

GOLDENS = Path(__file__).parent / "goldens.json.gz"
# The reference takes time with the square of a run's length.
RUN_CHARACTERS = 6000
VOCABULARY_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


def reference_message(message: Message) -> reference.Message:
    author = reference.Author(role=reference.Role(message.role.value), name=message.name)
    made = reference.Message.from_author_and_content(author, message.content)
    if message.channel is not None:
        made = made.with_channel(message.channel.value)
    if message.recipient is not None:
        made = made.with_recipient(message.recipient)
    if message.content_type is not None:
        made = made.with_content_type(message.content_type)
    return made


def reference_conversation(conversation: Conversation) -> reference.Conversation:
    system = reference.SystemContent(
        model_identity=conversation.system.identity,
        reasoning_effort=reference.ReasoningEffort(conversation.system.effort.value.title()),
        conversation_start_date=conversation.system.date,
        knowledge_cutoff=conversation.system.knowledge_cutoff,
    )
    for tool in conversation.system.builtin_tools:
        system = system.with_tools(getattr(reference.ToolNamespaceConfig, tool.value)())
    messages = [reference.Message.from_role_and_content(reference.Role.SYSTEM, system)]
    developer = conversation.developer
    if developer is not None:
        content = reference.DeveloperContent(instructions=developer.instructions or None)
        if developer.functions:
            content = content.with_function_tools(
                [
                    reference.ToolDescription(
                        name=f.name,
                        description=f.description,
                        parameters=None if f.parameters is None else dict(f.parameters),
                    )
                    for f in developer.functions
                ]
            )
        messages.append(reference.Message.from_role_and_content(reference.Role.DEVELOPER, content))
    messages += [reference_message(m) for m in conversation.messages]
    return reference.Conversation.from_messages(messages)


def without(conversation: Conversation, indexes: Sequence[int]) -> Conversation:
    return Conversation(
        system=conversation.system,
        developer=conversation.developer,
        messages=tuple(m for i, m in enumerate(conversation.messages) if i not in indexes),
    )


class Goldens:
    """What the reference says, and the texts it encoded for it."""

    def __init__(self) -> None:
        self.encoding = reference.load_harmony_encoding(
            reference.HarmonyEncodingName.HARMONY_GPT_OSS
        )
        self.texts: list[str] = []

    def prompt(self, name: str, conversation: Conversation) -> dict[str, Any]:
        tokens = self._prompt(conversation, drop=True)
        if name in DROPPED_BY_THE_DOCS:
            # The messages that docs/format.md drops are taken out by hand, by name.
            by_the_docs = self._prompt(without(conversation, DROPPED_BY_THE_DOCS[name]), drop=False)
            assert tokens != by_the_docs, f"{name}: the reference now does what its docs say"
            tokens = by_the_docs
        return {"tokens": tokens, "text": self._text(tokens)}

    def completion(self, messages: Sequence[Message]) -> dict[str, Any]:
        """Return what a model writes to say `messages`, and how the reference reads it."""
        tokens = self.encoding.render_conversation_for_training(
            reference.Conversation.from_messages([reference_message(m) for m in messages]),
            config=reference.RenderConversationConfig(auto_drop_analysis=False),
        )
        tokens = tokens[2:]
        read = self.encoding.parse_messages_from_completion_tokens(tokens, reference.Role.ASSISTANT)
        return {
            "tokens": tokens,
            "text": self._text(tokens),
            "messages": [
                {
                    "content": message.content[0].text,
                    "channel": message.channel,
                    "recipient": message.recipient,
                    "content_type": message.content_type,
                }
                for message in read
            ],
        }

    def encoded(self, text: str) -> list[int]:
        self.texts.append(text)
        ids: list[int] = self.encoding.encode(text, disallowed_special=())
        return ids

    def run(self, unit: str) -> dict[str, Any]:
        text = unit * (RUN_CHARACTERS // len(unit))
        ids = self.encoding.encode(text, disallowed_special=())
        self.texts.append(unit * (600 // len(unit)))
        digest = hashlib.sha256(json.dumps(ids).encode()).hexdigest()
        return {"characters": len(text), "tokens": len(ids), "sha256": digest}

    def _prompt(self, conversation: Conversation, *, drop: bool) -> list[int]:
        ids: list[int] = self.encoding.render_conversation_for_completion(
            reference_conversation(conversation),
            reference.Role.ASSISTANT,
            config=reference.RenderConversationConfig(auto_drop_analysis=drop),
        )
        return ids

    def _text(self, tokens: Sequence[int]) -> str:
        text: str = self.encoding.decode_utf8(tokens)
        self.texts += regex.split(r"<\|[a-z]+\|>", text)
        self.texts.append(text)
        return text


def ranks_within(texts: Iterable[str], ranks: dict[bytes, int]) -> dict[bytes, int]:
    """Return the ranks of tokens that stand somewhere in the pieces of `texts`, and of all bytes.

    Byte-pair encoding only ever looks up parts of a piece, so no other rank can matter.
    """
    longest = max(map(len, ranks))
    found = {bytes([b]): ranks[bytes([b])] for b in range(256)}
    pieces = {p.encode() for text in texts for p in regex.findall(O200K_SPLIT, text)}
    for piece in pieces:
        for start in range(len(piece)):
            for end in range(start + 1, min(len(piece), start + longest) + 1):
                rank = ranks.get(piece[start:end])
                if rank is not None:
                    found[piece[start:end]] = rank
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    published = (folder / "o200k_base.tiktoken").read_bytes()
    assert hashlib.sha256(published).hexdigest() == VOCABULARY_SHA256
    os.environ["TIKTOKEN_ENCODINGS_BASE"] = str(folder)
    pairs = (line.split() for line in published.splitlines())
    ranks = {b64decode(piece): int(rank) for piece, rank in pairs}

    goldens = Goldens()
    made: dict[str, Any] = {
        "made_with": "openai-harmony 0.0.8",
        "conversations": {n: goldens.prompt(n, c) for n, c in CONVERSATIONS.items()},
        "completions": {n: goldens.completion(m) for n, m in COMPLETIONS.items()},
        "texts": {n: goldens.encoded(t) for n, t in TEXTS.items()},
        "runs": {n: goldens.run(unit) for n, unit in RUNS.items()},
    }
    special = goldens.encoding.special_tokens_set
    made["control"] = {
        name: goldens.encoding.encode(name, allowed_special="all")[0]
        for name in sorted(special)
        if "reserved" not in name
    }
    made["size"] = 201_088
    needed = ranks_within(goldens.texts, ranks)
    made["ranks"] = {piece.decode("latin-1"): rank for piece, rank in needed.items()}
    text = json.dumps(made, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    GOLDENS.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{GOLDENS.name}: {GOLDENS.stat().st_size:,} bytes, {len(needed):,} ranks")


if __name__ == "__main__":
    main()
