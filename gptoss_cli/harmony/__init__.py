"""The harmony format: conversations to tokens and back. Pure: no I/O, no llama.cpp."""
