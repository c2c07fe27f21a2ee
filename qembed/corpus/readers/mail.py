"""Mail: the text of all parts of a message, forwarded messages and digests too; attachments are named.

The MIME tree is the standard library's. Text is decoded here: headers and parts in charsets that Python does
not know, or that are not what they say, are read as the likeliest, with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO

from qembed.corpus import encodings
from qembed.corpus.decode import Decoded, decode, lenient
from qembed.corpus.readers.html import Page, read_page

MAX_DEPTH = 12
"""Messages and multiparts in one another."""
_WORD = re.compile(r"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_NAMED = ("from", "to", "cc", "date")
_MAIL = ("message/rfc822", "message/global")


def mail(data: bytes) -> Page:
    """Read a message. Raises ValueError if it is none."""
    from email import policy
    from email.parser import BytesParser

    try:
        message = BytesParser(policy=policy.compat32).parsebytes(data.removeprefix(b"\xef\xbb\xbf"))
        headers = ("from", "to", "date", "subject", "received", "message-id")
        if not any(message.get(h) for h in headers):
            raise ValueError("no headers of mail")
        reader = _Reader()
        text = "\n\n".join(part for part in reader.texts(message, 0) if part)
        meta: dict[str, Any] = reader.headers(message)
        title = meta.pop("subject", "")
    except (RecursionError, LookupError, AttributeError, TypeError, AssertionError) as e:
        # the parser of the standard library has holes of its own
        raise ValueError(f"not mail that can be read: {e}") from None
    if reader.attachments:
        meta["attachments"] = reader.attachments
    warnings = [(None, message) for message in dict.fromkeys(reader.warnings)]
    return Page(text, title, meta, {}, warnings)


def messages(stream: BinaryIO, limit: int) -> Iterator[tuple[int, bytes]]:
    """(first line, bytes) of each message of a mailbox; `From ` behind an empty line begins one.

    Raises OSError for a message of more than `limit` bytes.
    """
    kept: list[bytes] = []
    size = 0
    first = 1
    before = b"\n"
    for number, line in enumerate(iter(lambda: stream.readline(limit + 1), b""), 1):
        if line.startswith(b"From ") and not before.strip():
            if size:
                yield first, b"".join(kept)
            kept, size, first = [], 0, number
        else:
            size += len(line)
            if size > limit:
                raise OSError("a message that is too large")
            kept.append(line[1:] if line.startswith(b">From ") else line)
        before = line
    if b"".join(kept).strip():
        yield first, b"".join(kept)


class _Reader:
    """Reader of one message's tree. `attachments`: their names; `warnings`: doubts about charsets."""

    def __init__(self) -> None:
        self.attachments: list[str] = []
        self.warnings: list[str] = []

    def headers(self, message: Message) -> dict[str, Any]:
        """Decoded headers of a message that are not empty; the date in ISO 8601 if it is one."""
        found = {}
        for name in (*_NAMED, "subject"):
            if value := self._header(message, name):
                found[name] = _date(value) if name == "date" else value
        return found

    def texts(self, part: Message, depth: int) -> Iterator[str]:
        """The texts of a part and the parts in it, in order."""
        kind = part.get_content_type()
        if depth > MAX_DEPTH:
            self.warnings.append(f"parts more than {MAX_DEPTH} deep are left out")
        elif kind in _MAIL or (kind.startswith("message/") and part.is_multipart()):
            for inner in _children(part):
                whole = _decoded_message(part, inner) if kind in _MAIL else inner
                yield from self._message(whole, depth, kind in _MAIL)
        elif kind == "multipart/alternative" and part.is_multipart():
            yield from self._alternative(part, depth)
        elif part.is_multipart():
            for inner in _children(part):
                yield from self.texts(inner, depth + 1)
        elif self._is_text(part, kind):
            yield self._text(part, kind)
        else:
            self.attachments.append(self._name(part) or kind)

    def _message(self, inner: Message, depth: int, is_mail: bool) -> Iterator[str]:
        """A message in a message: its headers as lines, and its texts."""
        names = ("from", "to", "date", "subject") if is_mail else inner.keys()
        lines = [f"{n.title()}: {v}" for n in names if (v := self._header(inner, n))]
        yield "\n".join(lines)
        yield from self.texts(inner, depth + 1)

    def _alternative(self, part: Message, depth: int) -> Iterator[str]:
        """The alternative with most words; the plain one where it has at least half as many."""
        found = []
        for inner in _children(part):
            texts = [t for t in self.texts(inner, depth + 1) if t.strip()]
            if texts:
                found.append("\n\n".join(texts))
        most = max((len(t.split()) for t in found), default=0)
        yield next((t for t in found if 2 * len(t.split()) >= most), "")

    def _is_text(self, part: Message, kind: str) -> bool:
        if part.get_content_disposition() == "attachment":
            return False
        if part.get_content_maintype() == "multipart":  # without its boundary
            return True
        return kind in ("text/plain", "text/html", "text/enriched") or (
            kind.startswith(("text/", "message/")) and not self._name(part)
        )

    def _text(self, part: Message, kind: str) -> str:
        data = part.get_payload(decode=True)
        text = self._decoded(data if isinstance(data, bytes) else b"", part.get_param("charset"))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if kind == "text/html":
            return read_page(text).text
        if str(part.get_param("format", "")).lower() == "flowed":
            text = unflowed(text, str(part.get_param("delsp", "")).lower() == "yes")
        return text.strip("\n")

    def _decoded(self, data: bytes, charset: object) -> str:
        name = charset[2] if isinstance(charset, tuple) else charset
        known = encodings.codec(name) if isinstance(name, str) else None
        if isinstance(name, str) and name.lower() in ("us-ascii", "ascii") and not data.isascii():
            known = None
        if known is not None:
            try:
                return _whole(data.decode(known))
            except UnicodeDecodeError:
                self.warnings.append(f"not all of a part is in its charset {name}")
        found = decode(data, "")
        if not isinstance(found, Decoded):
            return lenient(data, "cp1252")
        if isinstance(name, str) and known is None and not data.isascii():
            read_as = found.encoding or "utf-8"
            self.warnings.append(f"a part in the charset {name[:40]} is read as {read_as}")
        elif found.doubt and known is None:
            self.warnings.append(found.doubt)
        return found.text

    def _name(self, part: Message) -> str:
        name = part.get_filename() or ""
        return self._words(name) if isinstance(name, str) else ""

    def _header(self, message: Message, name: str) -> str:
        # `get` loses the bytes of raw headers
        values = (v for k, v in message.raw_items() if k.lower() == name.lower())
        return self._words(str(next(values, "")))

    def _words(self, value: str) -> str:
        """A header's text: raw bytes decoded, encoded words too, on one line."""
        try:
            raw = value.encode("ascii", "surrogateescape")
        except UnicodeEncodeError:
            raw = value.encode("utf-8", "surrogatepass")
        text = raw.decode() if raw.isascii() else self._decoded(raw, None)
        text = re.sub(r"(\?=)\s+(?==\?)", r"\1", text)
        return " ".join(_whole(self._encoded(text)).split())

    def _encoded(self, text: str) -> str:
        parts: list[str] = []
        waiting, charset, at = b"", "", 0
        for found in _WORD.finditer(text):
            data = _word_bytes(found[2].lower(), found[3])
            if waiting and (found.start() > at or found[1].lower() != charset):
                parts.append(self._decoded(waiting, charset))
                waiting = b""
            parts.append(text[at : found.start()])
            waiting, charset, at = waiting + data, found[1].lower(), found.end()
        if waiting:
            parts.append(self._decoded(waiting, charset))
        return "".join([*parts, text[at:]])


def _word_bytes(kind: str, text: str) -> bytes:
    import binascii
    import quopri

    if kind == "q":
        return quopri.decodestring(text.encode("utf-8", "replace"), header=True)
    try:
        return binascii.a2b_base64(text.encode("ascii", "replace") + b"==")
    except ValueError:
        return text.encode("utf-8", "replace")


def _children(part: Message) -> list[Message]:
    found = part.get_payload()
    return [x for x in found if isinstance(x, Message)] if isinstance(found, list) else []


def _decoded_message(part: Message, inner: Message) -> Message:
    """The message in a part. RFC 2046 forbids base64 for it, mail programs use it, RFC 6532 allows it."""
    from email import policy
    from email.parser import BytesParser

    if str(part.get("content-transfer-encoding", "")).strip().lower() != "base64" or inner.keys():
        return inner
    inner["Content-Transfer-Encoding"] = "base64"
    data = inner.get_payload(decode=True)
    if not isinstance(data, bytes) or not data.strip():
        return inner
    return BytesParser(policy=policy.compat32).parsebytes(data)


def _date(value: str) -> str:
    try:
        return parsedate_to_datetime(value).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return value


def _whole(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def unflowed(text: str, delete_space: bool) -> str:
    """Text of `format=flowed` with its paragraphs in lines of their own (RFC 3676)."""
    lines: list[str] = []
    goes_on = False
    depth = 0
    for line in text.split("\n"):
        quoted = len(line) - len(line.lstrip(">"))
        body = line[quoted:].removeprefix(" ")
        if goes_on and quoted == depth and body != "-- ":
            lines[-1] += body
        else:
            lines.append(f"{'>' * quoted} {body}" if quoted else body)
        goes_on = body.endswith(" ") and body != "-- "
        if goes_on and delete_space:
            lines[-1] = lines[-1][:-1]
        depth = quoted
    return "\n".join(line.rstrip() if line != "-- " else line for line in lines)
