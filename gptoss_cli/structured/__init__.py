"""The form an answer must have: a schema, choices, a pattern or a grammar, and what it then is."""
