"""From a conversation to events: rendering, the token loop on llama.cpp, parsing."""
