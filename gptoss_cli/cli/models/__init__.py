"""``gptoss models``: what is here, what there is, and how it comes and goes."""
