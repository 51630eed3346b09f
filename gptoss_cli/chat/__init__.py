"""The conversation as it goes: a person's turn, the model's answer, the window they must fit."""
