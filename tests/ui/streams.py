"""Recorded event streams: what an engine says, for every renderer."""

from __future__ import annotations

from gptoss_cli.events import (
    AnalysisDelta,
    Event,
    FinalDelta,
    Finished,
    FinishReason,
    LoadProgress,
    MessageCompleted,
    PreambleDelta,
    PromptProgress,
    Timings,
    ToolCallDelta,
    TurnsDropped,
    Usage,
)
from gptoss_cli.messages import analysis, final
from tests.ui.screen import pieces

ENGLISH = """\
## Leak

The *second* log shows it. The heap grows by **4 MB at every request**, because the cache keeps a \
reference to each `Session`; see [the manual](https://example.com/manual).

1. Take a dump:
   ```sh
   jmap -dump:live heap.bin  # a while
   ```
2. Look for what holds the sessions
   - the cache
   - a listener

| Time | Heap |
|:-----|-----:|
| 12:04 | 512 MB |
| 12:09 | 1,731 MB |

> Nothing else in the log
> points to a leak.
"""

KOREAN = """\
`app.log`에서 **"메모리 누수"**가 보입니다. 힙이 요청마다 **4 MB**씩 커지는데, 캐시가 지나간 모든 \
세션을 붙들고 있기 때문입니다. 中文没有空格，所以可以在任何字之间换行。👍

| 시각 | 비고 |
|:----:|-----:|
| 12:04 | 시작 ✅ |
| 12:09 | 요청 쉰 개를 처리한 뒤 |
"""

THINKING = (
    "The user asks about two logs. 사용자는 한국어로 물었다. First I compare the heap sizes, then "
    "the number of requests; the ratio tells which one leaks.\n\nSo the second one it is. "
) * 4

FIGURES = Finished(
    FinishReason.STOP,
    Usage(
        prompt_tokens=98,
        cached_tokens=60,
        completion_tokens=148,
        context_used=246,
        context_window=8192,
    ),
    Timings(ttft_s=0.9, decode_tps=10.3),
)


def answer(text: str, seed: int = 0, *, end: Finished = FIGURES) -> list[Event]:
    """An answer without thinking."""
    deltas = [FinalDelta(piece) for piece in pieces(text, seed)]
    whole = end.reason is FinishReason.STOP
    return [*deltas, MessageCompleted(final(text), complete=whole), end]


def whole_turn(text: str, seed: int = 0) -> list[Event]:
    """Everything that can happen, in the order in which it happens."""
    return [
        *(LoadProgress(i / 4) for i in range(5)),
        *(PromptProgress(i * 1000, 4000, i * 0.7) for i in range(5)),
        *(AnalysisDelta(piece) for piece in pieces(THINKING, seed)),
        MessageCompleted(analysis(THINKING)),
        *(PreambleDelta(piece) for piece in pieces("I look up the **weather**.", seed)),
        *(
            ToolCallDelta("functions.get_weather", piece)
            for piece in pieces('{"city": "Seoul",\n "unit": "C"}', seed)
        ),
        Finished(FinishReason.TOOL_CALLS),
        TurnsDropped(2),
        *(AnalysisDelta(piece) for piece in pieces("It is cold.", seed)),
        *answer(text, seed),
    ]
