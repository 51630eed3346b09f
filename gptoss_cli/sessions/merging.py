"""What an imported session has that the one which is here has not.

Messages are the same when they say the same in the same place. Nobody compares thinking for that:
an export may have been made without it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from gptoss_cli.messages import Channel
from gptoss_cli.sessions.records import StoredMessage, StoredSession


@dataclass(frozen=True, slots=True)
class Growth:
    """``messages`` are those that are missing here, parents first, as they are there.

    ``same`` says what stands here for each of the others, None at a root; ``goes_on`` whether the
    conversation there goes on from where it stands here.
    """

    messages: tuple[StoredMessage, ...]
    same: dict[int | None, int | None]
    goes_on: bool


def growth(here: StoredSession, there: StoredSession) -> Growth:
    """Return what `there` adds to `here`; nothing when they share no message."""
    same = _same_spoken(here.without_thinking(), there.without_thinking())
    if here.messages and len(same) == 1:
        return Growth((), same, goes_on=False)
    _add_thinking(here, there, same)
    missing = tuple(message for message in there.messages if message.id not in same)
    reached = {same.get(message.id) for message in there.path()}
    goes_on = here.head_id in reached if here.messages else True
    return Growth(missing, same, goes_on=goes_on and there.head_id not in same)


def _same_spoken(here: StoredSession, there: StoredSession) -> dict[int | None, int | None]:
    """Return what of `here` says the same in the same place, from the roots downwards."""
    same: dict[int | None, int | None] = {None: None}
    open_ids: list[int | None] = [None]
    while open_ids:
        parent_id = open_ids.pop()
        ours = _by_words(here.children(same[parent_id]))
        for words, theirs in _by_words(there.children(parent_id)).items():
            for message, twin in _pairs(theirs, ours.get(words, [])):
                same[message.id] = twin.id
                open_ids.append(message.id)
    return same


def _add_thinking(
    here: StoredSession, there: StoredSession, same: dict[int | None, int | None]
) -> None:
    """Say in `same` what stands for the thinking of `there`: the same thinking, or, above a
    message that is here without it, what that one answers.
    """
    above_known: set[int] = set()
    for message in reversed(there.messages):
        if message.parent_id is not None and (message.id in same or message.id in above_known):
            above_known.add(message.parent_id)
    twins: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for message in here.messages:
        if message.message.channel is Channel.ANALYSIS:
            twins[message.parent_id, _words(message)].append(message.id)
    for message in there.messages:
        if message.message.channel is not Channel.ANALYSIS or message.parent_id not in same:
            continue
        parent_id = same[message.parent_id]
        if twin_ids := twins[parent_id, _words(message)]:
            same[message.id] = twin_ids.popleft()
        elif message.id in above_known:
            same[message.id] = parent_id


def _pairs(
    theirs: Iterable[StoredMessage], ours: Iterable[StoredMessage]
) -> Iterator[tuple[StoredMessage, StoredMessage]]:
    """Pair messages that say the same: those of one time first, then in their order."""
    by_time: defaultdict[float, deque[StoredMessage]] = defaultdict(deque)
    for message in ours:
        by_time[message.created_s].append(message)
    others: list[StoredMessage] = []
    for message in theirs:
        if at_its_time := by_time[message.created_s]:
            yield message, at_its_time.popleft()
        else:
            others.append(message)
    left = (message for at_one_time in by_time.values() for message in at_one_time)
    yield from zip(others, left, strict=False)


def _by_words(messages: Iterable[StoredMessage]) -> dict[Hashable, list[StoredMessage]]:
    found: defaultdict[Hashable, list[StoredMessage]] = defaultdict(list)
    for message in messages:
        found[_words(message)].append(message)
    return found


def _words(stored: StoredMessage) -> Hashable:
    message = stored.message
    # JSON joins halves of surrogate pairs: a text that went through it is the same.
    content = message.content.encode("utf-16-le", "surrogatepass")
    return message.role, message.channel, message.recipient, message.name, content
