"""Chunks of other formats that a Word document takes in when it is opened (`w:altChunk`)."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from qembed.corpus.readers.html import Page, read_page
from qembed.corpus.readers.office.ooxml.blocks import Blocks
from qembed.corpus.readers.office.ooxml.package import Element, Package, attribute

MAX_CHUNKS = 3
"""Documents inside one another."""


def read_chunk(package: Package, part: str, element: Element, depth: int) -> Blocks:
    """Read what `element`, an altChunk of `part`, refers to; `depth` documents are around it."""
    from qembed.corpus.readers.office.docx import read_document

    found = Blocks()
    target = package.target(part, attribute(element, "id"))
    if target is None:
        found.omit("content from elsewhere")
        return found
    try:
        data = package.read(target)
        kind = target.rpartition(".")[2].lower()
        if data[:2] == b"PK" and depth < MAX_CHUNKS:
            _, inner = read_document(Package(data), depth + 1)
            found.take(inner)
        elif kind in ("mht", "mhtml") or data[:64].lower().lstrip().startswith(b"mime-version"):
            _add_page(_web_archive(data), found)
        elif kind in ("htm", "html", "xhtml") or b"<html" in data[:1024].lower():
            _add_page(read_page(_decoded(data)), found)
        elif kind == "txt":
            found.add(_decoded(data).replace("\r\n", "\n").strip())
        else:
            found.omit("content from elsewhere", target)
    except ValueError as e:
        found.omit("content from elsewhere", str(e))
    return found


def _add_page(page: Page, found: Blocks) -> None:
    found.add(page.text)
    for what, count in page.left_out.items():
        found.omitted[what] += count


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _web_archive(data: bytes) -> Page:
    """The page of an MHTML file. Raises ValueError if there is none."""
    message = BytesParser(policy=policy.default).parsebytes(data)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        if part.get_content_type() in ("text/html", "application/xhtml+xml"):
            body = part.get_payload(decode=True)
            charset = part.get_content_charset()
            if isinstance(body, bytes):
                return read_page(body.decode(charset, "replace") if charset else _decoded(body))
    raise ValueError("a web archive without a page")
