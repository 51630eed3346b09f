"""gptoss: OpenAI's gpt-oss models in the terminal, through llama.cpp.

The architecture is in ``ARCHITECTURE.md``; the way in is ``gptoss_cli.cli.app``.
"""

__version__ = "0.1.0"
