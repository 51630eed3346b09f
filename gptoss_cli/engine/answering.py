"""Hold a final answer to a grammar while everything around it stays free.

The format's messages are known here only by the tokens that frame them, so that this follows a
generation on its own thread, without a parser. What follows a header is free, but for control
tokens: nothing that the model writes there can open an answer beside the grammar, or end the turn
without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from gptoss_cli.engine.grammar import TextConstraint
from gptoss_cli.errors import EngineError, UnmetFormError


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFrame:
    """The tokens around a message.

    A generation begins with a header; `begin` stands before each further one. A message is ended
    by `end`, the answer by `end` or `end_of_turn`. No header is the beginning of another.
    `control` are all tokens that are no text.
    """

    begin: tuple[int, ...]
    free_headers: tuple[tuple[int, ...], ...]
    final_headers: tuple[tuple[int, ...], ...]
    end: int
    end_of_turn: int
    control: frozenset[int]


class _Place(Enum):
    HEADER = auto()
    FREE = auto()
    FINAL = auto()
    OVER = auto()


class AnswerConstraint:
    """A ``Constraint`` on one answer, of `size` entries of a vocabulary.

    `open_text` is called where the answer begins: what it waits for may go on until then.
    """

    def __init__(
        self, frame: MessageFrame, size: int, open_text: Callable[[], TextConstraint]
    ) -> None:
        self._frame = frame
        self._size = size
        self._open_text = open_text
        self._text: TextConstraint | None = None
        self._place = _Place.HEADER
        self._headers = self._all_headers(())
        self._at = 0

    @property
    def is_over(self) -> bool:
        """Whether the answer has ended."""
        return self._place is _Place.OVER

    def follow(self, tokens: Iterable[int]) -> None:
        """Go on with `tokens` that stand already. EngineError if they are not as they may be."""
        for token in tokens:
            if not self.accept(token):
                raise EngineError("an answer was begun that the grammar refuses.")

    def accept(self, token: int) -> bool:
        """Go on with `token` if it may come next; else change nothing and return False."""
        frame = self._frame
        match self._place:
            case _Place.HEADER:
                return self._accept_in_header(token)
            case _Place.FREE if token == frame.end:
                self._place, self._at = _Place.HEADER, 0
                self._headers = self._all_headers(frame.begin)
                return True
            case _Place.FREE:
                return token not in frame.control
            case _Place.FINAL if token in {frame.end, frame.end_of_turn}:
                if self._answer.may_end:
                    self._place = _Place.OVER
                return self.is_over
            case _Place.FINAL:
                return token not in frame.control and self._answer.accept(token)
            case _Place.OVER:
                return False

    def allowed(self) -> NDArray[np.bool_]:
        """Return which tokens may come next, shape [vocabulary size].

        Raises UnmetFormError if none may.
        """
        frame = self._frame
        match self._place:
            case _Place.HEADER:
                mask = np.zeros(self._size, dtype=np.bool_)
                mask[[header[self._at] for header, _ in self._headers]] = True
            case _Place.FREE:
                mask = np.ones(self._size, dtype=np.bool_)
                mask[list(frame.control)] = False
                mask[frame.end] = True
            case _Place.FINAL:
                mask = self._answer.allowed()
                mask[list(frame.control)] = False
                mask[[frame.end, frame.end_of_turn]] = self._answer.may_end
            case _Place.OVER:
                mask = np.zeros(self._size, dtype=np.bool_)
        if not mask.any():
            raise UnmetFormError("the grammar allows nothing more.", hint="a simpler one")
        return mask

    @property
    def _answer(self) -> TextConstraint:
        if self._text is None:
            self._text = self._open_text()
        return self._text

    def _accept_in_header(self, token: int) -> bool:
        left = [(h, place) for h, place in self._headers if h[self._at] == token]
        if not left:
            return False
        self._headers, self._at = left, self._at + 1
        header, place = left[0]
        if len(header) == self._at:
            self._place = place
        return True

    def _all_headers(self, begin: tuple[int, ...]) -> list[tuple[tuple[int, ...], _Place]]:
        frame = self._frame
        return [
            *((begin + header, _Place.FREE) for header in frame.free_headers),
            *((begin + header, _Place.FINAL) for header in frame.final_headers),
        ]
