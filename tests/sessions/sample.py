"""Sessions to export and to import, made by hand and by chance."""

from __future__ import annotations

from hypothesis import strategies as st

from gptoss_cli.messages import Channel, Message, ReasoningEffort, Role
from gptoss_cli.sessions.records import (
    MessageState,
    SessionInfo,
    SessionSettings,
    StoredMessage,
    StoredSession,
)


def session(*messages: Message | StoredMessage, title="제목", head_id=None, **settings):
    """Return a session; messages without a place hang one below the other."""
    stored = tuple(
        message
        if isinstance(message, StoredMessage)
        else StoredMessage(id=n, parent_id=n - 1 or None, message=message, created_s=10.0 + n)
        for n, message in enumerate(messages, 1)
    )
    info = SessionInfo(
        id="01KAMXP5J3000000000000000A",
        title=title,
        title_is_own=True,
        created_s=1_763_801_640.0,
        changed_s=1_763_801_700.0,
        model="20b",
        message_count=len(stored),
    )
    head_id = head_id or (stored[-1].id if stored else None)
    return StoredSession(info, SessionSettings(**settings), stored, head_id)


# High halves are left out: before a low one, JSON makes one character of both.
TEXTS = st.text(st.characters(exclude_categories=("Cs",)) | st.just("\udc80"), max_size=30)
_NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_TIMES = st.floats(0, 4e9)
_MESSAGES = st.builds(
    Message,
    role=st.sampled_from(Role),
    content=TEXTS,
    channel=st.none() | st.sampled_from(Channel),
    name=st.none() | TEXTS,
    recipient=st.none() | TEXTS,
    content_type=st.none() | TEXTS,
)


@st.composite
def sessions(draw) -> StoredSession:
    """Trees of messages with everything that can stand in them."""
    count = draw(st.integers(1, 8))
    stored = tuple(
        StoredMessage(
            id=n,
            parent_id=draw(st.none() | st.integers(1, n - 1)) if n > 1 else None,
            message=draw(_MESSAGES),
            state=draw(st.sampled_from(MessageState)),
            created_s=draw(_TIMES),
            model=draw(st.none() | TEXTS),
            effort=draw(st.none() | st.sampled_from(ReasoningEffort)),
            usage=draw(st.none() | st.dictionaries(TEXTS, _NUMBERS, max_size=2)),
        )
        for n in range(1, count + 1)
    )
    info = SessionInfo(
        id="",
        title=draw(TEXTS.filter(str.strip).map(lambda text: " ".join(text.split()))),
        title_is_own=draw(st.booleans()),
        created_s=draw(_TIMES),
        changed_s=draw(_TIMES),
        model=draw(TEXTS),
        message_count=count,
    )
    settings = draw(
        st.builds(
            SessionSettings,
            effort=st.sampled_from(ReasoningEffort),
            instructions=TEXTS,
            date=st.none() | TEXTS,
            sampling=st.dictionaries(TEXTS, st.none() | _NUMBERS, max_size=2),
        )
    )
    return StoredSession(info, settings, stored, draw(st.integers(1, count)))
