"""Mail as programs write it: all of its texts are found, attachments are named, charsets are guessed."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from qembed.corpus.readers.mail.message import mail, unflowed

HEAD = b"From: a@x.org\nSubject: S\nMIME-Version: 1.0\n"


def test_forwarded_messages_and_digests() -> None:
    inner = EmailMessage()
    inner["Subject"], inner["From"] = "Inner", "b@x.org"
    inner.set_content("inner text")
    inner.add_attachment(b"x", maintype="application", subtype="pdf", filename="bill.pdf")
    outer = EmailMessage()
    outer["Subject"], outer["From"] = "Fwd: Inner", "a@x.org"
    outer.set_content("see below")
    outer.add_attachment(inner)
    page = mail(outer.as_bytes())
    assert page.text == "see below\n\nFrom: b@x.org\nSubject: Inner\n\ninner text"
    assert page.meta["attachments"] == ["bill.pdf"]
    digest = HEAD + (
        b"Content-Type: multipart/digest; boundary=B\n\n"
        b"--B\n\nSubject: one\n\nfirst\n--B\n\nSubject: two\n\nsecond\n--B--\n"
    )
    assert mail(digest).text == "Subject: one\n\nfirst\n\nSubject: two\n\nsecond"


def test_forwarded_messages_in_base64() -> None:
    inner = b"From: b@x.org\nSubject: Inner\nContent-Type: text/html\n\n<p>inner <b>text</b>"
    for kind in (b"rfc822", b"global"):
        head = HEAD + b"Content-Type: multipart/mixed; boundary=B\n\n--B\n\nsee below\n--B\n"
        part = b"Content-Type: message/" + kind + b"\nContent-Transfer-Encoding: base64\n\n"
        page = mail(head + part + base64.encodebytes(inner) + b"--B--\n")
        assert page.text == "see below\n\nFrom: b@x.org\nSubject: Inner\n\ninner text"
        plain = part.replace(b"base64", b"8bit")
        assert mail(head + plain + inner + b"\n--B--\n").text == page.text


def test_text_after_a_picture() -> None:
    whole = MIMEMultipart()
    whole["Subject"] = "S"
    whole.attach(MIMEText("before"))
    picture = MIMEText("x", "plain")
    picture.replace_header("Content-Type", "image/png")
    picture.add_header("Content-Disposition", "inline", filename="p.png")
    whole.attach(picture)
    whole.attach(MIMEText("after"))
    page = mail(whole.as_bytes())
    assert page.text == "before\n\nafter"
    assert page.meta["attachments"] == ["p.png"]


def test_an_empty_plain_part_beside_html() -> None:
    for plain in ("", " \n", "Your program shows no HTML"):
        both = MIMEMultipart("alternative")
        both["Subject"] = "S"
        both.attach(MIMEText(plain))
        both.attach(
            MIMEText("<p>all that was written is here, in some more words than that</p>", "html")
        )
        assert mail(both.as_bytes()).text == (
            "all that was written is here, in some more words than that"
        )


def test_charsets_that_are_none() -> None:
    page = mail(HEAD + b"Content-Type: text/plain; charset=x-unknown\n\ncaf\xe9")
    assert page.text == "café"
    assert page.warnings == [(None, "a part in the charset x-unknown is read as cp1252")]
    page = mail(HEAD + b"Content-Type: text/plain; charset=utf-8\n\ncaf\xe9")
    assert page.text == "café"
    assert "not all of a part is in its charset utf-8" in page.warnings[0][1]
    page = mail(HEAD + b"Content-Type: text/plain; charset=us-ascii\n\ncaf\xc3\xa9")
    assert page.text == "café"
    page = mail(HEAD + b"Content-Type: text/plain; charset=iso-8859-1\n\n\x93quoted\x94")
    assert (page.text, page.warnings) == ("“quoted”", [])


def test_headers() -> None:
    data = (
        b"From: =?iso-8859-1?q?J=F6rg?= <j@x.org>\nTo: b@x.org\nCc: c@x.org\n"
        b"Subject: =?utf-8?b?w7w=?= =?utf-8?q?_and?=\n =?utf-8?q?_=C3?= =?utf-8?q?=A9?= caf\xc3\xa9\n"
        b"Date: Mon, 02 Nov 2026 10:00:00 +0100\n\ntext\n"
    )
    page = mail(data)
    assert page.title == "ü and é café"
    assert page.meta == {
        "from": "Jörg <j@x.org>",
        "to": "b@x.org",
        "cc": "c@x.org",
        "date": "2026-11-02T10:00:00+01:00",
    }
    assert mail(b"Subject: =?x-none?q?caf=E9?=\n\n").title == "café"


def test_a_message_that_an_editor_saved_in_utf_16() -> None:
    page = mail("Subject: Grüße\n\nSchön".encode("utf-16"))
    assert (page.title, page.text) == ("Grüße", "Schön")


def test_flowed_text() -> None:
    assert unflowed("a line that \ngoes on\n> quoted \n> too\n-- \nname", False) == (
        "a line that goes on\n> quoted too\n-- \nname"
    )
    assert unflowed("Donau \ndampf", True) == "Donaudampf"
    page = mail(HEAD + b"Content-Type: text/plain; format=flowed\n\none \ntwo\n")
    assert page.text == "one two"


def test_a_multipart_without_its_boundary() -> None:
    assert mail(HEAD + b"Content-Type: multipart/mixed\n\nall the same\n").text == "all the same"
