"""``gptoss sessions``: the conversations that are kept, and how they come and go."""
