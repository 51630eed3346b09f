"""Where things are kept and what is set."""
