"""The commands of ``gptoss config``."""
