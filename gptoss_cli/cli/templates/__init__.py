"""``gptoss templates``, and the names of templates at the Tab key."""
