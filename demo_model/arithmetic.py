"""Sums and differences worked out in writing: what the model is to say in analysis.

The steps are made for a small network. The problem is restated first, then its digits are written
at equal length, so that a digit's place can be counted from the left; each column ends with the
result so far, so that the answer is copied and never put together from afar. Which of two numbers
is larger is found out digit by digit as well, from the left, before one is taken from the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from gptoss_cli.messages import ReasoningEffort

LARGEST = 9999
"""Operands have four digits at most."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of the steps in one language."""

    places: tuple[str, ...]
    digits: str
    compare: str
    carry: str
    borrow: str
    check: str
    correct: str
    sentence: str


ENGLISH = Words(
    places=("ones", "tens", "hundreds", "thousands", "ten thousands"),
    digits="digits",
    compare="compare",
    carry="carry",
    borrow="borrow",
    check="Check",
    correct="correct",
    sentence="{equation}",
)
KOREAN = Words(
    places=("일의 자리", "십의 자리", "백의 자리", "천의 자리", "만의 자리"),
    digits="자릿수",
    compare="비교",
    carry="올림",
    borrow="빌림",
    check="검산",
    correct="맞음",
    sentence="{equation}입니다",
)


@dataclass(frozen=True, slots=True)
class Problem:
    """`first` plus or minus `second`; `first` may be negative (an earlier answer)."""

    first: int
    operator: str
    second: int

    @property
    def answer(self) -> int:
        """The number asked for."""
        return self.first + self.second if self.operator == "+" else self.first - self.second

    @property
    def text(self) -> str:
        """The problem as people write it."""
        return f"{self.first} {self.operator} {self.second}"

    def reduced(self) -> tuple[bool, Problem]:
        """Return whether the answer is negative, and a problem without signs for its size."""
        signed = self.second if self.operator == "+" else -self.second
        size = abs(self.first)
        if (self.first < 0) == (signed < 0) or signed == 0 or self.first == 0:
            negative = self.first < 0 or signed < 0
            if self.first == 0 and signed < 0:
                return negative, Problem(self.second, "-", 0)
            operator = self.operator if self.first >= 0 or signed == 0 else "+"
            return negative, Problem(size, operator, self.second)
        if size >= self.second:
            return self.first < 0 and size > self.second, Problem(size, "-", self.second)
        return signed < 0, Problem(self.second, "-", size)


def final_text(problem: Problem, words: Words) -> str:
    """Return the answer as the user reads it."""
    return words.sentence.format(equation=f"{problem.text} = {problem.answer}")


def analysis_text(problem: Problem, effort: ReasoningEffort, words: Words) -> str:
    """Return the steps: one line, a line per digit, or that and the inverse."""
    negative, plain = problem.reduced()
    meant = f"-({plain.text})" if negative else plain.text
    low = effort is ReasoningEffort.LOW
    if plain.operator == "-":
        text = f"{problem.text}: {_compared(problem, plain, meant, words, low=low)}"
    else:
        head = problem.text if plain == problem else f"{problem.text} = {meant}"
        text = f"{head}: {_digits_text(plain, words)}"
    if low:
        return f"{text}; {_in_a_line(plain)} = {problem.answer}"
    text += f"\n{_digit_by_digit(plain, words)}\n= {problem.answer}"
    if effort is ReasoningEffort.MEDIUM:
        return text
    inverse = Problem(plain.answer, "-" if plain.operator == "+" else "+", plain.second)
    steps = f"{_digits_text(inverse, words)}\n{_digit_by_digit(inverse, words)}"
    return f"{text}\n{words.check} {inverse.text}: {steps}\n= {inverse.answer}, {words.correct}"


def _compared(problem: Problem, plain: Problem, meant: str, words: Words, *, low: bool) -> str:
    """Return the sizes of both numbers, which is larger, and what is to be done because of it."""
    sizes = Problem(abs(problem.first), "-", problem.second)
    signs = []
    for upper, lower in zip(*_digits(sizes), strict=True):
        sign = "=" if upper == lower else ">" if upper > lower else "<"
        signs.append(f"{upper}{sign}{lower}")
        if sign != "=":
            break
    text = f"{_digits_text(sizes, words)}{'; ' if low else chr(10)}{words.compare} "
    text += ", ".join(signs)
    if meant != problem.text:
        text += f": {meant}"
    if plain != sizes:
        text += f", {_digits_text(plain, words)}"
    return text


@dataclass(frozen=True, slots=True)
class _Column:
    sum: str
    carry: int
    so_far: str


def _digits(problem: Problem) -> tuple[str, str]:
    length = max(len(str(problem.first)), len(str(problem.second)))
    return f"{problem.first:0{length}}", f"{problem.second:0{length}}"


def _columns(problem: Problem) -> list[_Column]:
    columns = []
    carry, so_far = 0, ""
    for upper, lower in zip(*(map(int, reversed(d)) for d in _digits(problem)), strict=True):
        passed = f"{problem.operator}1" if carry else ""
        if problem.operator == "+":
            shown = upper
            value = upper + lower + carry
            carry, digit = divmod(value, 10)
        else:
            borrow = int(upper - carry < lower)
            shown = upper + 10 * borrow
            value = digit = shown - lower - carry
            carry = borrow
        so_far = f"{digit}{so_far}"
        equation = f"{shown}{problem.operator}{lower}{passed}={value}"
        columns.append(_Column(equation, carry, so_far))
    return columns


def _digits_text(problem: Problem, words: Words) -> str:
    return f"{words.digits} {', '.join(_digits(problem))}"


def _in_a_line(problem: Problem) -> str:
    columns = _columns(problem)
    parts = [f"{c.sum} → {c.so_far}" for c in columns]
    if columns[-1].carry:
        parts.append(f"1 → 1{columns[-1].so_far}")
    return ", ".join(parts)


def _digit_by_digit(problem: Problem, words: Words) -> str:
    columns = _columns(problem)
    name = words.carry if problem.operator == "+" else words.borrow
    lines = []
    for place, column in zip(words.places, columns, strict=False):
        passed = f", {name} 1" if column.carry else ""
        lines.append(f"{place}: {column.sum}{passed} → {column.so_far}")
    if columns[-1].carry:
        lines.append(f"{words.places[len(columns)]}: 1 → 1{columns[-1].so_far}")
    return "\n".join(lines)
