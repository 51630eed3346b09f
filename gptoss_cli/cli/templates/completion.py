"""Names of templates, for the shell's Tab key."""

from __future__ import annotations


def template_names(beginning: str) -> list[tuple[str, str]] | None:
    """Return the templates whose names begin so, with what they do; None: files are meant."""
    from gptoss_cli.config.paths import user_paths
    from gptoss_cli.config.templates import described_templates, is_path

    if is_path(beginning):
        return None
    described = described_templates(user_paths().templates)
    return [(name, does) for name, does in described if name.startswith(beginning)]
