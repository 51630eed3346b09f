"""Conversations as ChatGPT exports them: ``conversations.json``.

Each is a ``mapping`` of nodes by name, a node being a message, or nothing, below its parent. What
people said, what the model answered and what it thought is taken; tools and their results, images
and hidden messages are not, and what followed them moves up. Everything in the file is untrusted,
so parents may be absent or go round in circles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gptoss_cli.messages import Message, analysis, final, user
from gptoss_cli.sessions.foreign import NOT_TEXT, NOT_UNDERSTOOD, Found, Tree
from gptoss_cli.sessions.session_json import string_or, time_or


def is_conversation(plain: object) -> bool:
    """Return whether `plain`, from a JSON file, looks like a conversation of ChatGPT."""
    return isinstance(plain, Mapping) and isinstance(plain.get("mapping"), Mapping)


def conversation_of(plain: Mapping[str, Any]) -> Found | None:
    """Return the conversation in `plain`; None when it has no name to know it by again."""
    name = plain.get("conversation_id") or plain.get("id")
    if not isinstance(name, str):
        return None
    skipped: Counter[str] = Counter()
    tree = Tree(skipped)
    created_s = time_or(plain.get("create_time"), 0.0)
    nodes: Mapping[str, Any] = plain["mapping"]
    kept = _walk(nodes, tree, created_s)
    skipped[NOT_UNDERSTOOD] += len(nodes) - len(kept)  # circles, and what hangs on them
    current = plain.get("current_node")
    models = [message.model for message in tree.messages if message.model]
    session = tree.session(
        title=string_or(plain.get("title"), ""),
        model=models[-1] if models else "",
        created_s=created_s,
        changed_s=time_or(plain.get("update_time"), created_s),
        head_id=kept.get(current) if isinstance(current, str) else None,
    )
    return Found(session, f"chatgpt:{name}", +skipped)


def _walk(nodes: Mapping[str, Any], tree: Tree, default_s: float) -> dict[str, int | None]:
    """Add the messages of `nodes` to `tree`, level by level.

    Returns which message stands for each node: its own or the nearest one above.
    """
    children: dict[str | None, list[str]] = {}
    for name, node in nodes.items():
        parent = node.get("parent") if isinstance(node, Mapping) else None
        is_below = isinstance(parent, str) and parent in nodes
        children.setdefault(parent if is_below else None, []).append(name)
    stands_for: dict[str, int | None] = {}
    level: list[tuple[str, int | None]] = [(name, None) for name in children.get(None, ())]
    while level:
        below: list[tuple[str, int | None]] = []
        for name, parent_id in level:
            own_id = _add(nodes[name], parent_id, tree, default_s)
            stands_for[name] = own_id
            below += [(child, own_id) for child in children.get(name, ())]
        level = below
    return stands_for


def _add(node: Any, parent_id: int | None, tree: Tree, default_s: float) -> int | None:
    """Add the message of `node`, if it is one to take; return what its children hang on."""
    plain = node.get("message") if isinstance(node, Mapping) else None
    if not isinstance(plain, Mapping):  # the root of every conversation is empty
        return parent_id
    if _is_hidden(plain):
        return parent_id
    message = _message_of(plain)
    if message is None:
        tree.skipped[NOT_TEXT] += 1
        return parent_id
    metadata = plain.get("metadata")
    model = metadata.get("model_slug") if isinstance(metadata, Mapping) else None
    return tree.add(
        message,
        parent_id,
        created_s=time_or(plain.get("create_time"), default_s),
        model=model if isinstance(model, str) else None,
    )


def _is_hidden(plain: Mapping[str, Any]) -> bool:
    metadata = plain.get("metadata")
    hidden = "is_visually_hidden_from_conversation"
    return plain.get("weight") == 0 or (
        isinstance(metadata, Mapping) and bool(metadata.get(hidden))
    )


def _message_of(plain: Mapping[str, Any]) -> Message | None:
    """Return the message in `plain`; None for what is not text between a person and the model."""
    author, content = plain.get("author"), plain.get("content")
    if not isinstance(author, Mapping) or not isinstance(content, Mapping):
        return None
    if plain.get("recipient", "all") != "all":
        return None
    is_user = author.get("role") == "user"
    if not is_user and author.get("role") != "assistant":
        return None
    if content.get("content_type") == "thoughts" and not is_user:
        text = _joined(content.get("thoughts"), "content", "\n\n")
        return analysis(text) if text.strip() else None
    text = _joined(content.get("parts"), "text", "\n")
    if not text.strip():
        return None
    return user(text) if is_user else final(text)


def _joined(parts: object, key: str, between: str) -> str:
    """Return the texts among `parts`, which are texts or hold one under `key`."""
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        return ""
    texts = (part.get(key) if isinstance(part, Mapping) else part for part in parts)
    return between.join(text for text in texts if isinstance(text, str) and text)
