"""`--rerank [SPEC]`: an option whose value may be left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from typer.core import TyperCommand

DEFAULT = "late"
_SPEC = re.compile(r"late$|py:|https?://|[\w.-]+/[\w.-]+$")


def looks_like_spec(word: str) -> bool:
    """Whether the word after `--rerank` names a reranker; otherwise it is the next argument."""
    return _SPEC.match(word) is not None or (Path(word) / "config.json").is_file()


def fill_in(args: list[str]) -> list[str]:
    """`--rerank` becomes `--rerank=late` where no SPEC follows, `--rerank=SPEC` where one does."""
    found: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*found, word, *rest]
        if word == "--rerank":
            spec = rest.pop(0) if rest and looks_like_spec(rest[0]) else DEFAULT
            word = f"--rerank={spec}"
        found.append(word)
    return found


class OptionalRerank(TyperCommand):
    """A command with `--rerank [SPEC]`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Fills in what was left out, then parses as ever."""
        return super().parse_args(ctx, fill_in(args))
