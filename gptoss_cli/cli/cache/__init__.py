"""``gptoss cache``: what was computed of prompts, and is kept."""
