"""A first ``config.toml``: all keys with what they are anyway, as comments."""

from __future__ import annotations

from gptoss_cli.config.file import PROFILES
from gptoss_cli.config.keys import KEYS


def commented_example() -> str:
    """Return a file in which nothing is set and everything is named."""
    lines = [
        "# What gptoss does unless an option or a variable says otherwise.",
        "# A line counts without its first #; gptoss config check looks for mistakes.",
    ]
    table = ""
    for key in KEYS:
        if key.table != table:
            table = key.table
            lines += ["", f"# [{table}]"]
        elif not table:
            lines.append("")
        word = key.kind.spelled(key.default)
        is_text = isinstance(key.default, str) or key.default is None
        lines += [f"# {key.name}: {key.does}"] if not table else []
        value = f'"{word}"' if is_text else word
        lines.append(f"# {key.name} = {value}" + (f"  # {key.does}" if table else ""))
    lines += ["", f"# [{PROFILES}.review]  # for --profile review", '# effort = "high"']
    return "\n".join(lines) + "\n"
