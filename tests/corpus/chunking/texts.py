"""Texts of many scripts, marks and line ends, and titles, for properties of passages."""

from __future__ import annotations

from hypothesis import strategies as st

# fmt: off
PIECES = [
    "word", "another", "longerword", "x", "1,234.56", "e\u0301", "a\u0301\u0308", "naïve",
    "👩‍👩‍👧‍👦", "🇩🇪🇫🇷", "👍🏽", "क्षि", "각", "ᄀ" + "ᅡ" + "ᆨ", "\u0301", "\u200d", "中文句子。", "你好！",
    "真的吗？", "没有标点的很长的一段文字", "สวัสดี", "น้ำ", "ั", "ࠀ", " ", " ", " ", "  ", "\t",
    "\u3000", "\xa0", "\n", "\n\n", "\r\n", "\r\n\r\n", "\r", "\x0b", "\x1c", "\u2028", ". ", "? ", "; ",
    "Mr. ", "# Heading\n", "\n## Two\n\n", "- item\n", "```\n", "> quote\n", "| a | b |\n",
    "**b**", "    code\n", "[l](http://x.y/z)", "---\n", "\0", "\ufeff", "ﷺ", "𝔘", "aGVsbG8gd29ybGQK" * 4,
    "." * 20, "\u200b",
]
# fmt: on
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=120).map("".join)
titles = st.sampled_from(["", "", "Title", "中文标题", "A longer title of some words " * 8])
