"""Attachments of mail: read as files of their names, within limits; a failure costs the attachment only."""

from __future__ import annotations

import gzip
import quopri
from email.message import EmailMessage
from pathlib import Path

import pytest

from qembed.corpus import ReadOptions, read
from qembed.corpus.readers.mail import attachments
from qembed.types import Document, LeftOut, ReadWarning, SourceFile
from tests.corpus import made
from tests.corpus.ooxml import docx, paragraph


def message(*attached: tuple[str, str, bytes], text: str = "see below") -> EmailMessage:
    """A message with attachments of these names, types and bytes."""
    whole = EmailMessage()
    whole["Subject"], whole["From"] = "S", "a@x.org"
    whole.set_content(text)
    for name, kind, data in attached:
        main, sub = kind.split("/")
        whole.add_attachment(data, maintype=main, subtype=sub, filename=name or None)
    return whole


def reading(folder: Path, data: bytes, name: str = "m.eml") -> tuple[Document, dict[str, int]]:
    """The document of a message, and what was left out of it."""
    path = folder / name
    path.write_bytes(data)
    document, *rest = read(SourceFile("s", name, str(path), len(data), 1), ReadOptions())
    assert isinstance(document, Document)
    left_out = [item for item in rest if isinstance(item, LeftOut)]
    assert len(left_out) == len([i for i in rest if not isinstance(i, ReadWarning)])
    assert all(item.path == str(path) for item in rest)
    return document, {item.what: item.count for item in left_out}


def test_attachments_of_all_formats(tmp_path: Path) -> None:
    whole = message(
        ("prices.csv", "text/csv", b"item,price\nlamp,9\n"),
        ("notes.md", "application/octet-stream", "# Naïve\n\nwords".encode()),
        ("page.html", "text/html", b"<title>Rules</title><main><p>No dogs.</p></main>"),
        ("log.txt.gz", "application/gzip", gzip.compress(b"all well")),
        ("Makefile", "application/octet-stream", b"all: build"),
        ("change.diff", "text/x-patch", b"+added"),
        ("", "application/json", b'{"text": "a record"}'),
    )
    document, left_out = reading(tmp_path, whole.as_bytes())
    assert document.text == (
        "see below\n\n"
        "Attachment: prices.csv\n\nitem: lamp\nprice: 9\n\n"
        "Attachment: notes.md\n\n# Naïve\n\nwords\n\n"
        "Attachment: page.html\n\nRules\n\nNo dogs.\n\n"
        "Attachment: log.txt.gz\n\nall well\n\n"
        "Attachment: Makefile\n\nall: build\n\n"
        "Attachment: change.diff\n\n+added\n\n"
        "Attachment: application/json\n\na record"
    )
    assert left_out == {}
    assert document.meta["attachments"] == [
        *("prices.csv", "notes.md", "page.html", "log.txt.gz", "Makefile", "change.diff"),
        "application/json",
    ]


def test_pdf_and_word(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2")
    pytest.importorskip("lxml")
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    whole = message(
        ("bill.pdf", "application/pdf", made.pdf(["page one", "page two"])),
        ("bill", word, docx(paragraph("ten euros"))),
    )
    document, left_out = reading(tmp_path, whole.as_bytes())
    assert document.text == (
        "see below\n\nAttachment: bill.pdf\n\npage one\n\npage two\n\nAttachment: bill\n\nten euros"
    )
    assert left_out == {}


def test_a_failure_costs_its_attachment(tmp_path: Path) -> None:
    pytest.importorskip("lxml")
    whole = message(
        ("bad.docx", "application/octet-stream", b"no archive"),
        ("photo.png", "image/png", b"x"),
        ("tools.zip", "application/zip", b"x"),
        ("signature.asc", "application/pgp-signature", b"x"),
        ("bad.jsonl", "application/octet-stream", b'{"text": "one"}\n{\n'),
        ("good.txt", "text/plain", b"good"),
    )
    document, left_out = reading(tmp_path, whole.as_bytes())
    assert document.text == (
        "see below\n\nAttachment: bad.jsonl\n\none\n\nAttachment: good.txt\n\ngood"
    )
    word, photo, tools, record = sorted(left_out, key=list(left_out).index)
    assert word.startswith("attachment bad.docx: not DOCX that can be read")
    assert (photo, tools) == ("attachment photo.png", "attachment tools.zip")
    assert record.startswith("attachment bad.jsonl: line 2: ")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_TEXT", 100)
    monkeypatch.setattr(attachments, "MAX_BYTES", 1000)
    monkeypatch.setattr(attachments, "MAX_READ", 4)
    bomb = gzip.compress(b"words " * 10_000)
    whole = message(
        ("a.txt", "text/plain", b"a" * 90),
        ("bomb.txt.gz", "application/gzip", bomb),
        ("large.txt", "text/plain", b"x" * 2_000_000),
        ("b.txt", "text/plain", b"b" * 5),
        ("c.txt", "text/plain", b"c"),
    )
    document, left_out = reading(tmp_path, whole.as_bytes())
    assert (
        document.text
        == f"see below\n\nAttachment: a.txt\n\n{'a' * 90}\n\nAttachment: b.txt\n\nbbbbb"
    )
    assert left_out == {
        "attachment bomb.txt.gz: its text is too long": 1,
        "attachment large.txt: 2 MiB is too large (at most 0)": 1,
        "attachment c.txt: there are more than 4 attachments": 1,
    }


def test_attached_mail_shares_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = message(("in.txt", "text/plain", b"inside"), text="inner text").as_bytes()
    box = b"From a Mon\n" + inner + b"\nFrom b Tue\nSubject: Two\n\nsecond\n"
    whole = message(
        ("in.eml", "application/octet-stream", inner),
        ("box.mbox", "application/mbox", box),
        ("no.eml", "application/octet-stream", b"just words"),
    )
    document, left_out = reading(tmp_path, whole.as_bytes())
    lines = [line for line in document.text.split("\n") if line]
    once = ["From: a@x.org", "Subject: S", "inner text", "Attachment: in.txt", "inside"]
    assert lines == [
        *("see below", "Attachment: in.eml", *once),
        *("Attachment: box.mbox", *once, "Subject: Two", "second", "Attachment: no.eml"),
    ]
    assert left_out == {"attachment no.eml: no headers of mail": 1}
    assert document.meta["attachments"] == ["in.eml", "in.txt", "box.mbox", "in.txt", "no.eml"]
    monkeypatch.setattr(attachments, "MAX_READ", 1)
    _, left_out = reading(tmp_path, whole.as_bytes())
    assert "attachment in.txt: there are more than 1 attachments" in left_out


def test_mail_in_mail_in_mail(tmp_path: Path) -> None:
    inner = message(text="innermost").as_bytes()
    for _ in range(20):
        inner = message(("in.eml", "application/octet-stream", inner)).as_bytes()
    document, left_out = reading(tmp_path, inner)
    assert document.text.count("see below") == 6
    assert left_out == {"parts more than 12 deep": 2}


def test_attachments_of_an_alternative_that_is_not_taken(tmp_path: Path) -> None:
    plain = b"Content-Type: text/plain\n\nall of the text that was written\n"
    head = (
        b"Subject: S\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=A\n\n--A\n"
    )
    rich = (
        b"--A\nContent-Type: multipart/mixed; boundary=M\n\n--M\nContent-Type: text/html\n\n<p>all of it\n"
        b"--M\nContent-Type: text/csv; name=a.csv\nContent-Disposition: inline; filename=a.csv\n\nx\n1\n"
        b"--M\nContent-Type: message/rfc822\n\nSubject: Inner\n\nforwarded\n--M--\n--A--\n"
    )
    document, _ = reading(tmp_path, head + plain + rich)
    assert document.text == (
        "all of the text that was written\n\nAttachment: a.csv\n\nx: 1\n\nSubject: Inner\n\nforwarded"
    )


def test_a_declared_charset(tmp_path: Path) -> None:
    head = b"Subject: S\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n"
    part = (
        b"--B\nContent-Type: text/csv; charset=iso-8859-2; name=a.csv\n"
        b"Content-Disposition: attachment\n\nmiasto\n\xa3\xf3d\xbc\n--B--\n"
    )
    document, _ = reading(tmp_path, head + part)
    assert document.text == "Attachment: a.csv\n\nmiasto: Łódź"


def test_messages_of_a_mailbox(tmp_path: Path) -> None:
    pytest.importorskip("lxml")
    whole = message(("a.docx", "application/octet-stream", b"bad"), ("a.txt", "text/plain", b"a"))
    document, left_out = reading(tmp_path, b"From a Mon\n" + whole.as_bytes(), "a.mbox")
    assert document.text == "see below\n\nAttachment: a.txt\n\na"
    assert [what[:18] for what in left_out] == ["attachment a.docx:"]


def test_forwarded_messages_in_quoted_printable(tmp_path: Path) -> None:
    inner = EmailMessage()
    inner["Subject"], inner["From"] = "Grüße", "b@x.org"
    inner.set_content("Schöne Grüße aus Köln, und noch viele Worte mehr = bis zur nächsten Zeile")
    inner.add_attachment("ein Anhang", filename="a.txt")
    head = b"Subject: S\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n"
    part = b"--B\nContent-Type: message/rfc822\nContent-Transfer-Encoding: "
    wanted, _ = reading(tmp_path, head + part + b"8bit\n\n" + inner.as_bytes() + b"\n--B--\n")
    assert "Subject: Grüße\n\nSchöne Grüße" in wanted.text
    encoded = quopri.encodestring(inner.as_bytes())
    for body in (encoded, inner.as_bytes()):  # some say it of what is not encoded
        found, _ = reading(tmp_path, head + part + b"quoted-printable\n\n" + body + b"\n--B--\n")
        assert found.text == wanted.text
