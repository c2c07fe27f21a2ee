"""Formats of running text: what of them is text. Functions that raise ValueError where it is none."""

from __future__ import annotations

import json
import re
from typing import Any

from qembed.corpus.markdown import title as heading
from qembed.corpus.readers.html import Page, read_page

# ── notebooks ────────────────────────────────────────────────────────────────────────────────────


def notebook(text: str) -> Page:
    """A Jupyter notebook's cells as Markdown, code in fences; what they printed is left out."""
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
    return Page(found, heading(found), {"language": language} if language else {})


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, dict) for v in value)


def whole(text: str) -> str:
    r"""Without the halves of characters that JSON's `\ud800` can bring in."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


# ── mail ─────────────────────────────────────────────────────────────────────────────────────────


def mail(data: bytes) -> Page:
    """A message's plain text, or its HTML's; the subject is the title, attachments are only named."""
    from email import policy
    from email.message import EmailMessage
    from email.parser import BytesParser

    try:
        message = BytesParser(policy=policy.default).parsebytes(data)
        assert isinstance(message, EmailMessage)
        if not any(
            message.get(h) for h in ("from", "to", "date", "subject", "received", "message-id")
        ):
            raise ValueError("no headers of mail")
        meta = {}
        for header in ("from", "to", "date"):
            if value := message.get(header):
                moment = getattr(value, "datetime", None)
                meta[header] = moment.isoformat() if moment else whole(" ".join(str(value).split()))
        names = [whole(n) for part in message.iter_attachments() if (n := part.get_filename())]
        if names:
            meta["attachments"] = names
        title = whole(" ".join(str(message.get("subject", "")).split()))
        body = message.get_body(("plain", "html"))
        text = body.get_content() if body is not None else ""
        text = whole(text) if isinstance(text, str) else ""
        if body is not None and body.get_content_type() == "text/html":
            text = read_page(text).text
    except (
        RecursionError,
        LookupError,
        AttributeError,
        TypeError,
        AssertionError,
        IndexError,
    ) as e:
        # the parser of the standard library has holes of its own
        raise ValueError(f"not mail that can be read: {e}") from None
    return Page(text.replace("\r\n", "\n").strip("\n"), title, meta)
