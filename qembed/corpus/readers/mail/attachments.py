"""Attachments of mail: their texts, as the reader of each name or media type gives them.

An attachment is written to a temporary file and read as a file of that name would be. All attachments of a
message, those of the messages in it too, share its limits; what is beyond them is named as left out, and a
failure costs that attachment only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from qembed.corpus.formats import FORMATS, PACKED, is_plain_name, suffix
from qembed.corpus.read_options import ReadOptions
from qembed.errors import refusal
from qembed.types import Document, LeftOut, ReadItem, ReadWarning, SourceFile

ReadFile: TypeAlias = Callable[[SourceFile, ReadOptions], Iterator[ReadItem]]

MAX_BYTES = 32 * 1024 * 1024
"""Bytes of one attachment."""
MAX_TEXT = 8_000_000
"""Characters of the texts of all attachments of a message."""
MAX_READ = 100
"""Attachments of a message that are read."""
MAX_FAILURES = 20
"""Failures within one attachment that are named one by one."""
MAILS = (".eml", ".mbox")
_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_SUFFIXES = {
    "application/pdf": ".pdf",
    "application/epub+zip": ".epub",
    "application/json": ".json",
    "application/xhtml+xml": ".xhtml",
    "text/html": ".html",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/markdown": ".md",
    f"{_OPEN_XML}.wordprocessingml.document": ".docx",
    f"{_OPEN_XML}.presentationml.presentation": ".pptx",
    f"{_OPEN_XML}.spreadsheetml.sheet": ".xlsx",
}
"""Media type -> suffix, for attachments whose name has none that is known."""
_SIGNATURES = (
    "application/pgp-signature",
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
)


class Attachments:
    """Reader of the attachments of one message. `read`: reads a file; None: attachments are only named.

    `names`: all attachments; `left_out`: what of them is in no text; `warnings`: doubts about them.
    """

    def __init__(self, read: ReadFile | None, options: ReadOptions) -> None:
        self._read = read
        self._options = options._replace(position=None)  # of the mailbox, not of this
        self._number = 0
        self._characters = 0
        self.names: list[str] = []
        self.left_out: Counter[str] = Counter()
        self.warnings: list[str] = []

    def takes(self, name: str, size: int) -> bool:
        """Count an attachment of `size` bytes; False, and it is left out, where it is over a limit."""
        self._number += 1
        if size > MAX_BYTES:
            found = f"{size / 1024**2:.0f} MiB is too large (at most {MAX_BYTES // 1024**2})"
        elif self._number > MAX_READ:
            found = f"there are more than {MAX_READ} attachments"
        else:
            return True
        self.left_out[f"attachment {name}: {found}"] += 1
        return False

    def text(self, name: str, kind: str, data: bytes, is_decoded: bool = False) -> str:
        """Text of an attachment under a line with its name, "" where it is left out.

        `kind`: its media type. `is_decoded`: `data` is UTF-8, whatever encoding the options name.
        """
        import tempfile

        shown = name or kind
        ending = _ending(name, kind)
        if self._read is None or ending is None:
            if kind not in _SIGNATURES:
                self.left_out[f"attachment {shown}"] += 1
            return ""
        if not self.takes(shown, len(data)):
            return ""
        options = self._options._replace(encoding=None) if is_decoded else self._options
        try:
            with tempfile.TemporaryDirectory(prefix="qembed-") as folder:
                path = Path(folder, f"attachment{ending}")
                path.write_bytes(data)
                file = SourceFile("", path.name, str(path), len(data), 0)
                texts = self._texts(shown, self._read(file, options))
        except OSError as e:  # no room for it
            self.left_out[f"attachment {shown}: {refusal(e)}"] += 1
            return ""
        if texts is None:
            self.left_out[f"attachment {shown}: its text is too long"] += 1
            return ""
        return "\n\n".join([f"Attachment: {shown}", *texts]) if texts else ""

    def _texts(self, shown: str, items: Iterator[ReadItem]) -> list[str] | None:
        """Texts of an attachment's documents; None where they are too long."""
        texts: list[str] = []
        failures = 0
        size = self._characters
        for item in items:
            if isinstance(item, Document):
                is_new = item.title and item.title not in item.text[:1000]
                texts.append(f"{item.title}\n\n{item.text}".strip() if is_new else item.text)
                size += len(texts[-1])
                if size > MAX_TEXT:
                    return None
            elif isinstance(item, LeftOut):
                self.left_out[f"attachment {shown}: {item.what}"] += item.count
            elif isinstance(item, ReadWarning):
                self.warnings.append(f"attachment {shown}: {item.message}")
            else:
                failures += 1
                line = "" if item.line is None else f"line {item.line}: "
                named = f"{line}{item.error}" if failures <= MAX_FAILURES else "more failures"
                self.left_out[f"attachment {shown}: {named}"] += 1
        self._characters = size
        return [text.strip("\n") for text in texts if text.strip()]


def _ending(name: str, kind: str) -> str | None:
    """Suffix of the reader for an attachment, "" for plain text, None where there is no reader."""
    leaf = name.replace("\\", "/").rpartition("/")[2]
    found = suffix(leaf)
    packed = next((p for p in PACKED if leaf.lower().endswith(p)), "")
    if found in MAILS:
        return None  # a message is read by its own reader, a packed one by none
    if found in FORMATS or packed:
        return f"{found}{packed}" if found in FORMATS else None
    if kind in _SUFFIXES:
        return _SUFFIXES[kind]
    return ".txt" if kind.startswith("text/") or is_plain_name(leaf) else None
