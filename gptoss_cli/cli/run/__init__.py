"""``gptoss run``: what is asked, how it is answered, and where the answer goes."""
