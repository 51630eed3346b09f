"""What showing a streamed Markdown answer costs: CPU milliseconds per token, and its growth.

    python benchmarks/render_stream.py            answers of 2,000 and 20,000 tokens, every shape
    python benchmarks/render_stream.py --peer     also re-rendering everything with Rich's Live
    python benchmarks/render_stream.py --quick    2,000 tokens only

An answer goes token by token (four characters) through the renderer of a terminal 80 columns wide.
The clock is simulated: at 25 tokens per second every token is repainted, which is the worst case;
at 100 per second every fourth. Cost that is linear in the length has a ratio of 10.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gptoss_cli.events import FinalDelta, Finished, FinishReason
from gptoss_cli.ui.renderer import make_renderer
from gptoss_cli.ui.terminal import Environment
from gptoss_cli.ui.theme import Paint

CHARACTERS_PER_TOKEN = 4

PROSE = (
    "The heap grows by **4 MB** at every request, because the cache keeps a reference to each "
    "`Session` it has seen; see [the manual](https://example.com/manual) for how it is *meant* to "
    "be used. Nothing else in the log points to a leak, and the second file ends normally."
)
KOREAN = (
    "힙은 요청마다 **4 MB**씩 커집니다. 캐시가 지나간 모든 `Session`의 참조를 붙들고 있기 "
    "때문입니다. 두 번째 파일은 *정상적으로* 끝나며, 로그의 다른 곳에서는 누수가 보이지 않습니다."
)
CODE = '''```python
def reclaim(cache: dict[str, Session], limit: int = 100) -> int:
    """Forget the oldest sessions, return how many."""
    stale = sorted(cache, key=lambda name: cache[name].seen_s)[:-limit]
    for name in stale:
        del cache[name]  # the reference that leaked
    return len(stale)
```'''
LIST = """1. Take a dump of the heap with `jmap`.
2. Look for what holds the sessions:
   - the cache, as **here**
   - a listener nobody removed
3. Run it again and compare."""
TABLE = """| Time  | Heap | Note |
|:------|-----:|------|
| 12:04 | 512 MB | start |
| 12:09 | 731 MB | 50 requests |
| 12:14 | 955 MB | 누수 |"""


def mixed() -> Iterator[str]:
    """Yield an answer as models write it, endlessly."""
    for number in itertools.count(1):
        yield f"## Step {number}\n\n"
        for block in (PROSE, KOREAN, LIST, CODE, "> " + PROSE, TABLE, PROSE):
            yield block + "\n\n"


def paragraph() -> Iterator[str]:
    """Yield one paragraph that never ends."""
    while True:
        yield PROSE + " " + KOREAN + " "


def code() -> Iterator[str]:
    """Yield one code block that never ends."""
    yield "```python\n"
    while True:
        yield CODE.removeprefix("```python\n").removesuffix("```")


def bullets() -> Iterator[str]:
    """Yield one list that never ends."""
    for number in itertools.count(1):
        yield f"{number}. Item **{number}** with `code` and 한글\n   - nested, of some length\n"


def table() -> Iterator[str]:
    """Yield one table that never ends."""
    yield "| Time | Heap | Note |\n|---|---:|---|\n"
    for number in itertools.count(1):
        yield f"| 12:{number % 60:02} | {number} MB | request **{number}** of 한글 |\n"


def words() -> Iterator[str]:
    """Yield one line without a space or a newline."""
    while True:
        yield "abcdefghijklmnopqrstuvwxyz0123456789"


SHAPES: dict[str, Callable[[], Iterator[str]]] = {
    "mixed answer": mixed,
    "one paragraph": paragraph,
    "one code block": code,
    "one list": bullets,
    "one table": table,
    "one word": words,
}


def tokens_of(shape: Callable[[], Iterator[str]], count: int) -> list[str]:
    """Return `count` pieces of four characters."""
    text, size = [], 0
    for piece in shape():
        text.append(piece)
        size += len(piece)
        if size >= count * CHARACTERS_PER_TOKEN:
            break
    whole = "".join(text)
    step = CHARACTERS_PER_TOKEN
    return [whole[i : i + step] for i in range(0, count * step, step)]


def cost_ms(pieces: list[str], tokens_per_second: float, columns: int = 80) -> tuple[float, int]:
    """Return CPU milliseconds per token and the bytes written."""
    now = 0.0
    screen = io.StringIO()
    environment = Environment(
        stdout=screen,
        stderr=io.StringIO(),
        stdout_tty=True,
        stderr_tty=True,
        stdout_paint=Paint.COLOUR,
        stderr_paint=Paint.COLOUR,
        size=lambda: (columns, 40),
    )
    renderer = make_renderer(environment, clock=lambda: now)
    events = [FinalDelta(piece) for piece in pieces]
    began = time.process_time()
    with renderer:
        for event in events:
            now += 1 / tokens_per_second
            renderer.feed(event)
        renderer.feed(Finished(FinishReason.STOP))
    spent = time.process_time() - began
    return spent * 1000 / len(pieces), len(screen.getvalue().encode())


def peer_ms(pieces: list[str], repaint_every: int) -> float:
    """Return what re-rendering the whole answer with Rich's Live costs per token."""
    from rich.console import Console
    from rich.live import Live
    from rich.markdown import Markdown

    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=40)
    text = ""
    began = time.process_time()
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        for index, piece in enumerate(pieces):
            text += piece
            if index % repaint_every == 0:
                live.update(Markdown(text), refresh=True)
    return (time.process_time() - began) * 1000 / len(pieces)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peer", action="store_true", help="also measure Rich's Live(Markdown)")
    parser.add_argument("--quick", action="store_true", help="2,000 tokens only")
    options = parser.parse_args()
    small, large = 2_000, 20_000
    cost_ms(tokens_of(mixed, 500), 25)  # imports and caches
    print(f"{'CPU ms per token':18} {'rate':>9} {'2k':>8} {'20k':>8} {'cost 20k/2k':>11} {'KB':>8}")
    for name, shape in SHAPES.items():
        pieces = tokens_of(shape, small if options.quick else large)
        for rate in (25, 100):
            first, size = cost_ms(pieces[:small], rate)
            if options.quick:
                print(f"{name:18} {rate:>5}/s {first:>10.3f}")
                continue
            second, size = cost_ms(pieces, rate)
            ratio = second * large / (first * small)
            print(
                f"{name:18} {rate:>7}/s {first:>8.3f} {second:>8.3f} {ratio:>11.1f}"
                f" {size / 1024:>8.0f}"
            )
    if options.peer:
        pieces = tokens_of(mixed, small)
        for every, rate in ((1, 25), (4, 100)):
            print(f"{'Rich Live, mixed':18} {rate:>7}/s {peer_ms(pieces, every):>8.3f}")


if __name__ == "__main__":
    main()
