"""Make the files that follow from the commands: ``python -m gptoss_cli.cli.generate``.

They are in the repository, and a test holds them against what this makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gptoss_cli.cli import man
from gptoss_cli.cli.completion import answer, grammar, scripts

ROOT: Final = Path(__file__).resolve().parents[2]


def generated() -> Mapping[Path, str]:
    """Return the text of each file."""
    whole = grammar.whole()
    return {
        answer.GRAMMAR: grammar.as_json(grammar.plain(whole)) + "\n",
        **{
            ROOT / "completions" / name: scripts.SCRIPTS[shell]
            for shell, name in scripts.FILES.items()
        },
        ROOT / "docs" / "gptoss.1": man.page(whole),
    }


def main() -> None:
    """Write those that differ, and say which."""
    for path, text in generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
