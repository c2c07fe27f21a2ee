"""A small source in each language whose grammar is known, and where it has to be cut.

`§ symbol` on a line of its own stands where a passage of that symbol begins (`§` alone: one without), for
passages of 64 of MiniLM's tokens. `unmarked` takes these lines out.
"""

from __future__ import annotations

from tests.corpus.languages.compiled import CPP, CSHARP, GO, JAVA, RUST, C
from tests.corpus.languages.cut import Cut, unmarked
from tests.corpus.languages.scripting import BASH, JAVASCRIPT, PHP, PYTHON, RUBY, TSX, TYPESCRIPT

__all__ = ["LANGUAGES", "Cut", "unmarked"]

LANGUAGES = {
    ".py": PYTHON,
    ".js": JAVASCRIPT,
    ".ts": TYPESCRIPT,
    ".tsx": TSX,
    ".go": GO,
    ".rs": RUST,
    ".java": JAVA,
    ".c": C,
    ".cpp": CPP,
    ".rb": RUBY,
    ".sh": BASH,
    ".cs": CSHARP,
    ".php": PHP,
}
"""Suffix -> source with marks."""
