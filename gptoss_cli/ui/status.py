"""The words of status lines: short, in the present, numbers with units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gptoss_cli.ui.sanitize import sanitize_line

if TYPE_CHECKING:
    from gptoss_cli.events import Finished, PromptProgress

STOPPED = "[stopped]"
THINKING = "thinking"


def seconds(duration_s: float) -> str:
    """Return a duration as people read it: ``0.9 s``, ``12 s``, ``2 min 5 s``."""
    if duration_s < 9.95:
        return f"{max(duration_s, 0.0):.1f} s"
    whole = round(duration_s)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s"


def size(count_bytes: float) -> str:
    """Return a size as disks and the hub count it, in powers of 1000: ``12.1 GB``, ``640 kB``."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count_bytes >= scale * 0.9995:
            number = count_bytes / scale
            return f"{number:,.1f} {unit}" if number < 99.95 else f"{number:,.0f} {unit}"
    return f"{count_bytes:,.0f} bytes"


def tokens(count: int) -> str:
    """Return a number of tokens: ``1 token``, ``5,210 tokens``."""
    return f"{count:,} token" if count == 1 else f"{count:,} tokens"


def document(name: str, lines: int, size_tokens: int, note: str) -> str:
    """Return what a document costs, `note` may be empty; it is untrusted."""
    count = "1 line" if lines == 1 else f"{lines:,} lines"
    parts = (name, count, tokens(size_tokens), note)
    return " · ".join(part for part in parts if part)


def thought(duration_s: float, count: int, dot: str = "·") -> str:
    """Return what stays of the thinking."""
    return f"thought for {seconds(duration_s)} {dot} {tokens(count)}"


def loading(fraction: float) -> str:
    """Return how far the weights are loaded; `fraction` runs from 0 to 1."""
    return f"loading {min(max(fraction, 0.0), 1.0):.0%}".replace("%", " %")


def reading(progress: PromptProgress, since: PromptProgress | None = None) -> str:
    """Return how far the prompt is read, and how fast `since` an earlier moment."""
    line = f"reading {progress.done_tokens:,} of {tokens(progress.total_tokens)}"
    done, duration_s = progress.done_tokens, progress.elapsed_s
    if since is not None and duration_s > since.elapsed_s:
        # What came from the cache at the start was not read now.
        done, duration_s = done - since.done_tokens, duration_s - since.elapsed_s
    if done > 0 and duration_s > 0:
        line += f", {done / duration_s:,.0f}/s"
    return line


def cut_off(finished: Finished) -> str:
    """Return what ended an answer too early: the most tokens asked for, or the window."""
    usage = finished.usage
    if usage.context_window and usage.context_used >= usage.context_window - 1:
        return f"cut off: the context window of {usage.context_window:,} tokens is full"
    return "cut off by the token limit"


def dropped(count: int) -> str:
    """Return that the `count` oldest turns no longer fit."""
    what = "the oldest turn leaves" if count == 1 else f"the {count:,} oldest turns leave"
    return f"the context window is full: {what} the prompt"


def statistics(finished: Finished, dot: str = "·") -> str:
    """Return the figures of an answer on one line, without those nobody measured."""
    usage, timings = finished.usage, finished.timings
    parts = [tokens(usage.completion_tokens)]
    if timings.decode_tps > 0:
        parts.append(f"{timings.decode_tps:,.1f} tok/s")
    if timings.ttft_s > 0:
        parts.append(f"first word {seconds(timings.ttft_s)}")
    if usage.prompt_tokens:
        read = usage.prompt_tokens - usage.cached_tokens
        cached = f" ({usage.cached_tokens:,} cached, {read:,} read)" if usage.cached_tokens else ""
        parts.append(f"prompt {tokens(usage.prompt_tokens)}{cached}")
    if usage.context_window:
        parts.append(f"context {usage.context_used:,}/{usage.context_window:,}")
    return f" {dot} ".join(parts)


def particulars(finished: Finished, seed: int, dot: str = "·") -> str:
    """Return, below the figures of an answer, what says how it came about: to have it again."""
    usage, timings = finished.usage, finished.timings
    parts = [finished.reason.value, f"seed {seed}", f"thinking {tokens(usage.reasoning_tokens)}"]
    if timings.prefill_tps > 0:
        parts.append(f"reading {timings.prefill_tps:,.0f} tok/s")
    return f" {dot} ".join(parts)


def error(message: str, hint: str = "") -> str:
    """Return what is printed of an error: a line for what is wrong, a line for what to do."""
    lines = [f"error: {sanitize_line(message)}"]
    if hint:
        lines.append(f"  try: {sanitize_line(hint)}")
    return "\n".join(lines)
