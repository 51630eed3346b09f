"""Scripts that print the figures of RESULTS.md, each beside its peer in the same run."""
