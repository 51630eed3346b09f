"""The command line: registration, options, and the one place where everything is wired."""
