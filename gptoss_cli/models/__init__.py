"""Models on disk: which file is meant, whether it can be trusted, whether it fits the machine."""
