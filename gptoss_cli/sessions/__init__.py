"""Conversations that are kept: one SQLite file, as a tree of messages each, found by their text."""
