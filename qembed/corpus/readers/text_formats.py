"""Formats of running text: what of them is text. Functions that raise ValueError where it is none."""

from __future__ import annotations

import json
import re
from typing import Any

from qembed.corpus.front_matter import front_matter
from qembed.corpus.markdown import strip_inline
from qembed.corpus.markdown import title as heading
from qembed.corpus.readers.html import Page

# ── notebooks ────────────────────────────────────────────────────────────────────────────────────


def notebook(text: str) -> Page:
    """A Jupyter notebook's cells as Markdown, code in fences; what they printed is left out.

    Front matter in its first cell (Quarto, nbdev) is metadata.
    """
    try:
        book = json.loads(text)
    except RecursionError:
        raise ValueError("not a notebook: nested too deeply") from None
    except ValueError as e:
        raise ValueError(f"not a notebook: not JSON ({e})") from None
    if not isinstance(book, dict):
        raise ValueError("not a notebook: no object")
    sheets = book.get("worksheets")  # format 3
    cells = book.get("cells", sheets[0].get("cells") if _objects(sheets) and sheets else None)
    if not isinstance(cells, list) or not _objects(cells):
        raise ValueError("not a notebook: it has no list of cells")
    meta = book.get("metadata")
    kernel = meta.get("kernelspec") if isinstance(meta, dict) else None
    language = kernel.get("language", "") if isinstance(kernel, dict) else ""
    language = language if isinstance(language, str) and language.isalnum() else ""
    parts = []
    for cell in cells:
        source = cell.get("source", cell.get("input", ""))
        if isinstance(source, list):
            source = "".join(s for s in source if isinstance(s, str))
        if not isinstance(source, str) or not source.strip():
            continue
        is_code = cell.get("cell_type") == "code"
        mark = "`" * max(3, *(len(f) + 1 for f in re.findall("`+", source) or [""]))
        body = source.strip("\n")
        parts.append(f"{mark}{language}\n{body}\n{mark}" if is_code else body)
    found = whole("\n\n".join(parts))
    front = front_matter(found)
    meta = {**({"language": language} if language else {}), **front.meta}
    doubts = [(None, message) for _, message in front.warnings]
    return Page(found, heading(found) or strip_inline(front.title), meta, warnings=doubts)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, dict) for v in value)


def whole(text: str) -> str:
    r"""Without the halves of characters that JSON's `\ud800` can bring in."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text
