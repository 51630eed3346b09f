# One target does everything a change must pass: make check
PYTHON ?= python

.PHONY: check lint types layers test evaluate format generated goldens demo-model

check: lint types layers test evaluate

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types:
	$(PYTHON) -m mypy

layers:
	lint-imports --no-cache

test:
	$(PYTHON) -m pytest

# The embedded model's bars, on problems it never saw; about two minutes.
evaluate:
	$(PYTHON) -m demo_model.evaluate

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

# The man page, the scripts of completion and what they ask, all from the commands.
generated:
	$(PYTHON) -m gptoss_cli.cli.generate

# Train the embedded model from nothing (needs the "train" extra; about an hour on two cores).
demo-model:
	$(PYTHON) -m demo_model.train
