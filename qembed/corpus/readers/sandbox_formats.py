"""Formats that are read in the sandbox, by suffix."""

from __future__ import annotations

from qembed.corpus.readers.converted import Converter
from qembed.corpus.readers.epub import epub
from qembed.corpus.readers.office.docx import docx
from qembed.corpus.readers.office.pptx import pptx
from qembed.corpus.readers.office.xlsx import xlsx
from qembed.corpus.readers.pdf import pdf

FORMATS: dict[str, tuple[Converter, str | None]] = {
    ".pdf": (pdf, "pypdfium2"),
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), (docx, "lxml")),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"), (pptx, "lxml")),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx", ".xltm"), (xlsx, "lxml")),
    ".epub": (epub, None),
}
"""Suffix -> converter, and the module that it needs beside those of qembed."""
