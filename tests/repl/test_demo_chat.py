"""A conversation with the embedded model in a real terminal, as a person would have it."""

from __future__ import annotations

from tests.support.chat import ChatTerminal

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
    with ChatTerminal("--temperature", "0", rows=40) as chat:
        for question, answer in TURNS:
            said = chat.ask(question)
            assert answer in said, f"{question!r} was answered with {said!r}"
            assert "thought for" in said
        assert chat.leave() == 0


def test_a_stop_while_it_thinks_and_one_while_it_answers():
    with ChatTerminal("-e", "high", "--temperature", "0") as chat:
        for number in range(2, 8):
            chat.line("What is 4736 + 8567?")
            chat.read(0.02 * number)
            chat.send("\x03")
            chat.wait_until_idle()
        # Typed while it still answers: sent when it is done.
        chat.line("What is 4736 + 8567?")
        chat.read(0.05)
        chat.line("5 + 5")
        chat.wait_for_echo("5 + 5")
        assert chat.leave() == 0
