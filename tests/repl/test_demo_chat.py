"""A conversation with the embedded model in a real terminal, as a person would have it."""

from __future__ import annotations

from tests.support.screen import Terminal

PROMPT = "\n>"

TURNS = (
    ("hello", ""),
    ("What is 47 + 85?", "132"),
    ("and minus 12?", "120"),
    ("47 더하기 85는?", "132"),
    ("거기서 12 빼줘", "120"),
    ("900 - 123", "777"),
    ("who are you?", "demo"),
    ("안녕하세요", ""),
    ("Write me a poem about the sea.", ""),
    ("5 + 5", "10"),
)


def test_ten_turns_in_english_and_korean():
    with Terminal("chat", "-m", "demo", "--temperature", "0", rows=40) as terminal:
        for number, (question, answer) in enumerate(TURNS, 1):
            terminal.wait_for(PROMPT, count=number)
            before = len(terminal.text)
            terminal.line(question)
            terminal.wait_for(PROMPT, count=number + 1)
            said = terminal.text[before:]
            assert answer in said, f"{question!r} was answered with {said!r}"
            assert "thought for" in said
        terminal.send("\x04")
        assert terminal.wait_for_end() == 0


def test_a_stop_while_it_thinks_and_one_while_it_answers():
    with Terminal("chat", "-m", "demo", "-e", "high", "--temperature", "0") as terminal:
        terminal.wait_for(PROMPT)
        for number in range(2, 8):
            terminal.line("What is 4736 + 8567?")
            terminal.read(0.02 * number)
            terminal.send("\x03")
            terminal.wait_for(PROMPT, count=number)
        # Typed while it still answers: read when it is done.
        terminal.line("What is 4736 + 8567?")
        terminal.read(0.05)
        terminal.line("5 + 5")
        terminal.wait_for("> 5 + 5")
        terminal.wait_for(PROMPT, count=9)  # and answered, whatever this model makes of it by now
        terminal.send("\x04")
        assert terminal.wait_for_end() == 0
