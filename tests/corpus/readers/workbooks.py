"""What is read of a workbook's bytes."""

from __future__ import annotations

from typing import Any

from qembed.corpus.readers.converted import Broken, Omitted, Text
from qembed.corpus.readers.office.xlsx import xlsx as convert
from tests.corpus.ooxml import Part, sheet, xlsx


def reading(data: bytes) -> tuple[dict[str, str], dict[str, int], list[str]]:
    """Sheets and their texts, what was left out, and what is broken."""
    items = list(convert(data))
    texts = {i.title: i.text for i in items if isinstance(i, Text)}
    omitted = {i.what: i.number for i in items if isinstance(i, Omitted)}
    return texts, omitted, [i.error for i in items if isinstance(i, Broken)]


def text_of(rows: str, after: str = "", book: dict[str, Any] | None = None, **parts: Part) -> str:
    texts = reading(xlsx(sheet(1, rows, after, **parts), **(book or {})))[0]
    return texts.get("S1", "")


def inline(text: str, place: str = "") -> str:
    at = f'r="{place}"' if place else ""
    return f'<c t="inlineStr" {at}><is><t>{text}</t></is></c>'


ROW = f"<row>{inline('a')}</row>"
