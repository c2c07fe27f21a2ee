"""Bytes to text. Python's own codecs are the oracle of what decodes; messages name the first wrong byte."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.corpus.decode import decode
from qembed.types import Unreadable

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def error(data: bytes) -> str:
    found = decode(data, "p")
    assert isinstance(found, Unreadable)
    assert (found.path, found.line) == ("p", None)
    return found.error


@given(text)
def test_every_text_comes_back_as_it_was(value: str) -> None:
    assert decode(codecs.BOM_UTF8 + value.encode(), "p") == value
    assert decode(codecs.BOM_UTF16_LE + value.encode("utf-16-le"), "p") == value
    assert decode(codecs.BOM_UTF16_BE + value.encode("utf-16-be"), "p") == value
    if not value.startswith("\ufeff"):
        assert decode(value.encode(), "p") == value


@given(st.binary())
def test_any_bytes_give_text_or_a_reason(data: bytes) -> None:
    found = decode(data, "p")
    if isinstance(found, str):
        found.encode()  # no lone surrogates


@given(text, text)
def test_the_first_wrong_byte_is_named(before: str, after: str) -> None:
    before = before.removeprefix("\ufeff")
    start = len(before.encode())
    line = before.count("\n") + 1
    wanted = f"not UTF-8: byte 0xff at offset {start} (line {line})"
    data = before.encode() + b"\xff" + after.encode()
    if not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF32_LE)):
        assert error(data) == wanted
    marked = f"not UTF-8: byte 0xff at offset {start + 3} (line {line})"
    assert error(codecs.BOM_UTF8 + data) == marked


def test_latin1() -> None:
    data = b"a line\n" * 13 + b"x" * 220 + b"caf\xe9"
    assert error(data) == "not UTF-8: byte 0xe9 at offset 314 (line 14)"


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"PK\x03\x04\0\0", "binary file"),
        ("ab".encode("utf-16-be"), "binary file"),  # without a mark nobody can know
        (codecs.BOM_UTF32_LE + "a".encode("utf-32-le"), "UTF-32 is not read"),
        (codecs.BOM_UTF32_BE + "a".encode("utf-32-be"), "UTF-32 is not read"),
        (codecs.BOM_UTF16_LE + b"a\0\n\0b", "not UTF-16: truncated data at offset 6 (line 2)"),
        (
            codecs.BOM_UTF16_BE + "a\n\ud800b".encode("utf-16-be", "surrogatepass"),
            "not UTF-16: illegal UTF-16 surrogate at offset 6 (line 2)",
        ),
        (
            b"\xed\xa0\x80",
            "not UTF-8: byte 0xed at offset 0 (line 1)",
        ),  # a surrogate in UTF-8's clothes
        (b"\xef\xbb", "not UTF-8: byte 0xef at offset 0 (line 1)"),
    ],
)
def test_what_is_not_read(data: bytes, wanted: str) -> None:
    assert error(data).startswith(wanted)


def test_line_ends_and_late_nuls_stay() -> None:
    assert decode(b"a\r\nb\rc\n", "p") == "a\r\nb\rc\n"
    assert decode(b"", "p") == ""
    assert decode(b"x" * 8192 + b"\0", "p") == "x" * 8192 + "\0"
    assert error(b"x" * 8191 + b"\0") == "binary file"
