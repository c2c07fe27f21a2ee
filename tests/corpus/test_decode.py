"""Bytes to text. Python's own codecs are the oracle of what decodes; doubts name the first wrong byte."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.corpus.decode import BINARY, Decoded, decode, encoding_option
from qembed.errors import UsageError
from qembed.types import Skipped, Unreadable

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1b"))
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def read(data: bytes, encoding: str | None = None) -> Decoded:
    found = decode(data, "p", encoding)
    assert isinstance(found, Decoded), found
    return found


def error(data: bytes) -> str:
    found = decode(data, "p")
    assert isinstance(found, Unreadable)
    assert found.path == "p"
    return found.error


@given(text, st.sampled_from(sorted(MARKS)))
def test_every_text_comes_back_as_it_was(value: str, encoding: str) -> None:
    assert read(MARKS[encoding] + value.encode(encoding)) == Decoded(value)
    assert read(MARKS[encoding] + value.encode(encoding), "cp1251") == Decoded(value)
    if not value.startswith("\ufeff"):
        assert read(value.encode()) == Decoded(value)


@given(st.binary(), st.sampled_from([None, "utf-7", "cp1252", "shift_jis", "utf-16", "utf-8"]))
def test_any_bytes_give_text_or_a_reason(data: bytes, encoding: str | None) -> None:
    found = decode(data, "p", encoding)
    if isinstance(found, Decoded):
        found.text.encode()  # no lone surrogates
        assert found.doubt or found.line is None
    else:
        assert found.error


@given(text, text)
def test_the_first_wrong_byte_is_named(before: str, after: str) -> None:
    before = "é" * 8 + before
    data = before.encode() + b"\xff" + after.encode()
    start, line = len(before.encode()), before.count("\n") + 1
    for mark in (b"", codecs.BOM_UTF8):
        found = decode(mark + data, "p")
        said = f"byte 0xff at offset {start + len(mark)}"
        if isinstance(found, Decoded):
            assert said in found.doubt
            assert found.line == line
        else:
            assert said in found.error


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        # wrong bytes in UTF-8 are cp1252's, and a line without UTF-8 is in the encoding of all such lines
        ("Größe, ".encode() + b"\xe9\xff!", "Größe, éÿ!"),
        ("Größe\n".encode() + "Öl für Ärger\n".encode("cp1252"), "Größe\nÖl für Ärger\n"),
        ("你好\n".encode() + "Привет, мир\n".encode("cp1251"), "你好\nПривет, мир\n"),
        (codecs.BOM_UTF8 + b"caf\xe9", "café"),
        (b"x" * 100_000 + b"\n" + "Größe\n".encode() + "Öl".encode("cp1252"), None),
    ],
)
def test_mixed_encodings(data: bytes, wanted: str | None) -> None:
    found = read(data)
    assert found.text == (wanted or "x" * 100_000 + "\nGröße\nÖl")
    assert found.encoding == ""
    assert "not all of it is UTF-8 (byte 0x" in found.doubt


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        ("café crème", "cp1252"),
        ("Räksmörgås", "cp1252"),
        ("He said “hello” – it’s fine…", "cp1252"),
        ("5 €", "cp1252"),
        ("Привет, мир", "cp1251"),
        ("Привет, мир", "koi8-u"),
        ("你好，世界", "gb18030"),
        ("こんにちは世界", "cp932"),
        ("안녕하세요 세계", "cp949"),
        ("שלום עולם", "cp1255"),
        ("Zażółć gęślą jaźń", "cp1250"),
    ],
)
def test_short_text_is_read_as_the_likeliest_and_doubted(words: str, encoding: str) -> None:
    found = read(f"plain\n{words}\n".encode(encoding))
    assert (found.text, found.encoding, found.line) == (f"plain\n{words}\n", encoding, 2)
    assert f"read as {encoding}, the likeliest" in found.doubt


def test_enough_of_a_text_is_no_doubt() -> None:
    words = "Мы вернём деньги в течение пяти рабочих дней.\n" * 3
    assert read(words.encode("cp1251")) == Decoded(words, "cp1251")


def test_what_a_file_declares_is_no_doubt() -> None:
    for line in (
        '<?xml version="1.0" encoding="ISO-8859-2"?>',
        "<meta charset=iso-8859-2>",
        '<meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-2">',
        '@charset "iso-8859-2";',
        "# -*- coding: iso-8859-2 -*-",
        "# vim: set fileencoding=iso-8859-2 :",
        '"Content-Type: text/plain; charset=ISO-8859-2\\n"',
    ):
        assert read(f"{line}\nąć\n".encode("iso8859-2")) == Decoded(f"{line}\nąć\n", "iso8859-2")
    assert read(b"\\usepackage[latin1]{inputenc} \xe9").text.endswith("é")
    assert read("# coding: utf-8\nжук".encode("cp1251")).encoding != "utf-8"


@pytest.mark.parametrize(
    "words", ["hi", "Grüße an alle", "你好，世界。\n退款", "Привет, мир", "€ 5"]
)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_text_without_a_mark(words: str, encoding: str) -> None:
    found = read(words.encode(encoding))
    assert (found.text, found.encoding) == (words, encoding)
    assert found.doubt == f"no byte order mark: read as {encoding}"


def test_seven_bits() -> None:
    assert read("件名は日本語です".encode("iso2022_jp")) == Decoded(
        "件名は日本語です", "iso2022_jp"
    )
    assert read(b"\x1b[31mred\x1b[0m") == Decoded("\x1b[31mred\x1b[0m")
    assert read(b"\x1b$Bhalf \xff").text  # neither


def test_what_the_user_says_goes_before_all_but_a_mark() -> None:
    assert read("жук".encode("koi8-r"), "koi8-r") == Decoded("жук")
    assert read("жук".encode("utf-16-le"), "utf-16-le") == Decoded("жук")
    found = read("жук".encode(), "cp1251")
    assert found.text == "жук".encode().decode("cp1251")
    assert "valid UTF-8" in found.doubt
    found = read(b"one\ncaf\x81", "cp1252")
    assert (found.text, found.line) == ("one\ncaf\ufffd", 2)
    assert "U+FFFD stands for the rest" in found.doubt


def test_names_of_encodings() -> None:
    assert encoding_option("Latin-1") == encoding_option("windows-1252") == "cp1252"
    assert encoding_option("x-sjis") == encoding_option("Shift_JIS") == "cp932"
    for wrong in ("base64", "rot13", "idna", "none", "unicode_escape", "../x", ""):
        with pytest.raises(UsageError, match="no such encoding"):
            encoding_option(wrong)


def test_bytes_that_a_mark_does_not_fit() -> None:
    found = read(codecs.BOM_UTF16_LE + b"a\0\n\0b")
    assert (found.text, found.line) == ("a\n\ufffd", 2)
    assert "truncated data at offset 4" in found.doubt
    found = read(codecs.BOM_UTF16_BE + "a\n\ud800b".encode("utf-16-be", "surrogatepass"))
    assert (found.text, found.line) == ("a\n\ufffdb", 2)
    assert "illegal UTF-16 surrogate" in found.doubt


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04\0\0",
        b"ELF\0\1\2",
        b"a.txt\0b.txt\0",
        b"\1\0\2\0\3\0",
        b"\0" * 64,
        b"ELF\0" * 99,
    ],
)
def test_binary_files(data: bytes) -> None:
    assert decode(data, "p") == Skipped("p", BINARY)


def test_noise_is_no_text() -> None:
    wanted = "not text: not UTF-8 (byte 0x80 at offset 127), nor any other encoding"
    assert error(bytes(range(1, 256)) * 3) == wanted


def test_line_ends_and_late_nuls_stay() -> None:
    assert read(b"a\r\nb\rc\n").text == "a\r\nb\rc\n"
    assert read(b"").text == ""
    assert read(b"x" * 8192 + b"\0").text == "x" * 8192 + "\0"
    assert decode(b"x" * 8191 + b"\0", "p") == Skipped("p", BINARY)


def test_wide_text_without_nuls_and_text_with_a_bell() -> None:
    words = "我们会在收到货物后的五个工作日内还款请保留快递单号以便查询包裹的状态"
    assert b"\0" not in words.encode("utf-16-le")
    assert read(words.encode("utf-16-le")).text == words
    assert read("Grüße an alle \x07".encode("cp1252")).text == "Grüße an alle \x07"
