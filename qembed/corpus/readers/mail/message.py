"""Mail: the text of all parts of a message, forwarded messages, digests and attachments too.

The MIME tree is the standard library's. Text is decoded here: headers and parts in charsets that Python does
not know, or that are not what they say, are read as the likeliest, with a warning.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

from qembed.corpus import encodings
from qembed.corpus.decode import Decoded, decode, lenient
from qembed.corpus.formats import suffix
from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers.html import Page, read_page
from qembed.corpus.readers.mail.attachments import MAILS, MAX_BYTES, Attachments, ReadFile
from qembed.corpus.readers.mail.mailbox import messages

MAX_DEPTH = 12
"""Messages and multiparts in one another."""
_WORD = re.compile(r"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_NAMED = ("from", "to", "cc", "date")
_MAIL = ("message/rfc822", "message/global")


def mail(data: bytes, read: ReadFile | None = None, options: ReadOptions | None = None) -> Page:
    """Read a message. Raises ValueError if it is none.

    `read`: reads the files that are attached, by `options`; None: attachments are only named.
    """
    try:
        message = _parsed(data)
        headers = ("from", "to", "date", "subject", "received", "message-id")
        if not any(message.get(h) for h in headers):
            raise ValueError("no headers of mail")
        attachments = Attachments(read, options or ReadOptions())
        reader = _Reader(attachments)
        text = "\n\n".join(part for part in reader.with_attachments(message, 0) if part)
        meta: dict[str, Any] = reader.headers(message)
        title = meta.pop("subject", "")
    except (RecursionError, LookupError, AttributeError, TypeError, AssertionError) as e:
        # the parser of the standard library has holes of its own
        raise ValueError(f"not mail that can be read: {e}") from None
    if attachments.names:
        meta["attachments"] = attachments.names
    doubts = dict.fromkeys([*reader.warnings, *attachments.warnings])
    return Page(text, title, meta, attachments.left_out, [(None, doubt) for doubt in doubts])


class _Reader:
    """Reader of one message's tree. `warnings`: doubts about charsets."""

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments
        self._attached: list[str] = []  # texts that follow those of their message
        self._alternatives = 0
        self.warnings: list[str] = []

    def headers(self, message: Message) -> dict[str, Any]:
        """Decoded headers of a message that are not empty; the date in ISO 8601 if it is one."""
        found = {}
        for name in (*_NAMED, "subject"):
            if value := self._header(message, name):
                found[name] = _date(value) if name == "date" else value
        return found

    def with_attachments(self, message: Message, depth: int) -> Iterator[str]:
        """The texts of a message in order, then those of its attachments."""
        before, self._attached = self._attached, []
        yield from self._texts(message, depth)
        found, self._attached = self._attached, before
        yield from found

    def _texts(self, part: Message, depth: int) -> Iterator[str]:
        """The texts of a part and the parts in it."""
        kind = part.get_content_type()
        if depth > MAX_DEPTH:
            self._attachments.left_out[f"parts more than {MAX_DEPTH} deep"] += 1
        elif kind in _MAIL or (kind.startswith("message/") and part.is_multipart()):
            for inner in _children(part):
                whole = _decoded_message(part, inner) if kind in _MAIL else inner
                found = self._message(whole, depth, kind in _MAIL)
                if self._alternatives:  # whichever is taken, this is said in none of the others
                    self._attached.extend(found)
                else:
                    yield from found
        elif kind == "multipart/alternative" and part.is_multipart():
            yield from self._alternative(part, depth)
        elif part.is_multipart():
            for inner in _children(part):
                yield from self._texts(inner, depth + 1)
        elif self._is_text(part, kind):
            yield self._text(part, kind)
        else:
            self._attached.extend(self._attachment(part, kind, depth))

    def _message(self, inner: Message, depth: int, is_mail: bool) -> Iterator[str]:
        """A message in a message: its headers as lines, and its texts."""
        names = ("from", "to", "date", "subject") if is_mail else inner.keys()
        lines = [f"{n.title()}: {v}" for n in names if (v := self._header(inner, n))]
        before, self._alternatives = self._alternatives, 0
        yield "\n".join(lines)
        yield from self.with_attachments(inner, depth + 1)
        self._alternatives = before

    def _attachment(self, part: Message, kind: str, depth: int) -> Iterator[str]:
        """Texts of an attachment; one that is mail is read as forwarded mail is."""
        name = self._name(part)
        self._attachments.names.append(name or kind)
        found = part.get_payload(decode=True)
        data = found if isinstance(found, bytes) else b""
        if name.lower().endswith(MAILS):
            yield from self._attached_mail(name, data, depth)
            return
        charset = part.get_param("charset")
        is_decoded = (
            kind.startswith("text/") and isinstance(charset, str) and len(data) <= MAX_BYTES
        )
        if is_decoded:
            data = self._decoded(data, charset).encode("utf-8", "replace")
        yield self._attachments.text(name, kind, data, is_decoded)

    def _attached_mail(self, name: str, data: bytes, depth: int) -> Iterator[str]:
        if not self._attachments.takes(name, len(data)):
            return
        whole = [data]
        if suffix(name) == ".mbox":
            whole = [message for _, message in messages(io.BytesIO(data), MAX_BYTES)]
        yield f"Attachment: {name}"
        for one in whole:
            inner = _parsed(one)
            if inner.keys():
                yield from self._message(inner, depth, True)
            else:
                self._attachments.left_out[f"attachment {name}: no headers of mail"] += 1

    def _alternative(self, part: Message, depth: int) -> Iterator[str]:
        """The alternative with most words; the plain one where it has at least half as many."""
        found = []
        self._alternatives += 1
        for inner in _children(part):
            texts = [t for t in self._texts(inner, depth + 1) if t.strip()]
            if texts:
                found.append("\n\n".join(texts))
        self._alternatives -= 1
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


def _parsed(data: bytes) -> Message:
    from email import policy
    from email.parser import BytesParser

    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # saved as text by an editor
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    return BytesParser(policy=policy.compat32).parsebytes(data.removeprefix(b"\xef\xbb\xbf"))


def _decoded_message(part: Message, inner: Message) -> Message:
    """The message in a part. RFC 2046 forbids to encode it, mail programs do, RFC 6532 allows it."""
    import quopri

    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    if encoding == "base64" and not inner.keys():
        inner["Content-Transfer-Encoding"] = "base64"
        data = inner.get_payload(decode=True)
        return _parsed(data) if isinstance(data, bytes) and data.strip() else inner
    if encoding == "quoted-printable":
        data = _source(inner)
        # what was not encoded, whatever the part says, has equal signs that stand for themselves
        if not re.search(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|\Z)", data):
            return _parsed(quopri.decodestring(data))
    return inner


def _source(message: Message) -> bytes:
    """A message as it was before it was parsed."""
    from email.errors import MissingHeaderBodySeparatorDefect
    from email.generator import BytesGenerator

    out = io.BytesIO()
    BytesGenerator(out, mangle_from_=False, maxheaderlen=0).flatten(message)
    if any(isinstance(d, MissingHeaderBodySeparatorDefect) for d in message.defects):
        return re.sub(rb"\r?\n(\r?\n)", rb"\1", out.getvalue(), count=1)
    return out.getvalue()


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
