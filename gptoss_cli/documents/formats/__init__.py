"""Foreign formats to text. All of it runs in a child process only: see ``documents.conversion``."""
