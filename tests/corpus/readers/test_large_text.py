"""Long plain text in parts: together they are the text, and each knows its place. `decode` is the oracle."""

from __future__ import annotations

import codecs
import gzip
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qembed.corpus import ReadOptions, decode, file_contents, read
from qembed.corpus.readers import large_text
from qembed.types import Document, ReadItem, ReadWarning, Skipped, SourceFile, Unreadable

words = st.sampled_from(
    ["word ", "Größe ", "你好", "🎉", "a\n", "b\r\n", "\n\n", "\r\n\r\n", "x" * 30]
)
MARKS = {
    "utf-8": b"",
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_text, "MAX_WHOLE_BYTES", 100)
    monkeypatch.setattr(large_text, "PART_BYTES", 40)
    monkeypatch.setattr(large_text, "BLOCK_BYTES", 7)


def reading(
    folder: Path, data: bytes, name: str = "a.log", encoding: str | None = None
) -> list[ReadItem]:
    path = folder / name
    path.write_bytes(data)
    file = SourceFile("s", f"in/{name}", str(path), len(data), 1)
    return list(read(file, ReadOptions(encoding=encoding)))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(words, max_size=60).map("".join), st.sampled_from(["utf-8-sig", *MARKS]))
@pytest.mark.slow
def test_parts_are_the_text(tmp_path: Path, text: str, encoding: str) -> None:
    data = MARKS.get(encoding, b"") + text.encode(encoding)
    found = reading(tmp_path, data)
    if len(data) <= 100 and not text.strip():
        (left_out,) = found
        assert isinstance(left_out, Skipped)
        assert left_out.error == decode.EMPTY
        return
    if len(data) <= 100:
        assert found == [Document("in/a.log", text)]
        return
    start, line = 0, 1
    for n, part in enumerate(found, 1):
        assert isinstance(part, Document)
        assert (part.id, part.start, part.line) == (f"in/a.log#part={n}", start, line)
        assert part.meta == {"part": n, "line": line}
        assert len(part.text) <= 40
        start += len(part.text)
        line += part.text.count("\n")
    assert "".join(d.text for d in found if isinstance(d, Document)) == text


def test_a_part_ends_at_a_paragraph_else_a_line_else_a_word(tmp_path: Path) -> None:
    lines = "one two three four five six seven\n\n"
    found = reading(tmp_path, (lines * 4 + "y" * 33 + "\n" + "z" * 35 + " " + "x" * 60).encode())
    texts = [d.text for d in found if isinstance(d, Document)]
    assert texts == [lines] * 4 + ["y" * 33 + "\n", "z" * 35 + " ", "x" * 40, "x" * 20]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 20), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_what_is_not_utf8_is_read_and_named_as_in_a_short_file(
    tmp_path: Path, at: int, encoding: str
) -> None:
    lines = ["Größe, a line of text\n".encode()] * 20
    lines.insert(at, b"caf\xe9\n")
    data = "".encode(encoding) + b"".join(lines)
    whole = decode.decode(data, str(tmp_path / "a.log"))
    assert isinstance(whole, decode.Decoded)
    *parts, warning = reading(tmp_path, data)
    assert isinstance(warning, ReadWarning)
    assert warning.line == whole.line
    assert "byte 0x" in warning.message
    assert "".join(d.text for d in parts if isinstance(d, Document)) == whole.text


def test_a_legacy_encoding_is_guessed_from_the_beginning(tmp_path: Path) -> None:
    text = "Das Café an der Straße ist heute geschlossen, weil der Besitzer krank ist.\n" * 12
    *found, warning = reading(tmp_path, text.encode("cp1252"))
    assert "".join(d.text for d in found if isinstance(d, Document)) == text
    assert all(isinstance(d, Document) and d.meta["encoding"] == "cp1252" for d in found)
    assert isinstance(warning, ReadWarning)


def test_a_legacy_encoding_far_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_text, "BLOCK_BYTES", 64)
    text = "a line\n" * 20_000 + "Привет, мир. Мы вернём деньги\n"
    *parts, warning = reading(tmp_path, text.encode("cp1251"))
    assert "".join(d.text for d in parts if isinstance(d, Document)) == text
    assert isinstance(warning, ReadWarning)
    assert (warning.line, "cp1251" in warning.message) == (20_001, True)


def test_an_encoding_that_the_user_says(tmp_path: Path) -> None:
    text = "Привет, мир\n" * 20
    found = reading(tmp_path, text.encode("cp866"), encoding="cp866")
    assert "".join(d.text for d in found if isinstance(d, Document)) == text
    *_, warning = reading(tmp_path, b"\x81 x\n" * 50, encoding="cp1252")
    assert isinstance(warning, ReadWarning)
    assert (warning.line, "U+FFFD" in warning.message) == (1, True)


def test_what_is_no_text_is_left_out_or_refused(tmp_path: Path) -> None:
    (binary,) = reading(tmp_path, b"ELF\0" * 100)
    assert isinstance(binary, Skipped)
    (noise,) = reading(tmp_path, (bytes(range(1, 9)) + b"\xff") * 20)
    assert isinstance(noise, Unreadable)
    wide = reading(tmp_path, ("x" * 200).encode("utf-16-be"))
    assert "".join(d.text for d in wide if isinstance(d, Document)) == "x" * 200


def test_packed_text_streams_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a line of text\n" * 100
    found = reading(tmp_path, gzip.compress(text.encode()), "a.txt.gz")
    assert "".join(d.text for d in found if isinstance(d, Document)) == text
    monkeypatch.setattr(file_contents, "MAX_FILE", 500)
    monkeypatch.setattr(file_contents, "MAX_RATIO", 1)
    *_, problem = reading(tmp_path, gzip.compress(text.encode()), "b.txt.gz")
    assert isinstance(problem, Unreadable)
    assert "bomb" in problem.error


def test_memory_stays_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_text, "MAX_WHOLE_BYTES", 1 << 20)
    monkeypatch.setattr(large_text, "PART_BYTES", 1 << 19)
    monkeypatch.setattr(large_text, "BLOCK_BYTES", 1 << 16)
    path = tmp_path / "a.txt"
    path.write_bytes(b"a line of text that is read\n" * 2_000_000)
    tracemalloc.start()
    file = SourceFile("s", "a.txt", str(path), path.stat().st_size, 1)
    characters = sum(len(d.text) for d in read(file, ReadOptions()) if isinstance(d, Document))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert characters == path.stat().st_size
    assert peak < 6 * 1024**2
