"""Lines of Markdown that a heading scanner may take for headings, or not."""

from __future__ import annotations

LINES = [
    "# One", "## Two *em*", "### Three ###", "#### Four", "Setext\n===", "Two\nlines\n---", "words",
    "more words of it", "", "", "", "```", "~~~", "```py", "> quote", "> # quoted", "- item", "- # item",
    "1. one", "    # code", "***", "#hash", "#", "| a | b |", "===", "* * *", "####### x", "<!-- # c -->",
]  # fmt: skip
