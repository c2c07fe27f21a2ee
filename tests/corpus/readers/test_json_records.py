"""JSON lines. The json module writes what is read here, and every broken line has to be named by number."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.corpus import ReadOptions, read_lines
from qembed.corpus.readers import json_records
from qembed.types import Document, ReadItem, ReadWarning, Unreadable

DEFAULT = ReadOptions()


def lines(data: str | bytes, options: ReadOptions = DEFAULT) -> list[ReadItem]:
    raw = data if isinstance(data, bytes) else data.encode()
    return list(read_lines(io.BytesIO(raw), "r.jsonl", options))


def one(record: Any, options: ReadOptions = DEFAULT) -> Document:
    (found,) = lines(json.dumps(record), options)
    assert isinstance(found, Document), found
    return found


def wrong(line: str | bytes, options: ReadOptions = DEFAULT) -> str:
    (found,) = lines(line, options)
    assert isinstance(found, Unreadable), found
    assert (found.path, found.line) == ("r.jsonl", 1)
    return found.error


# ── against the json module ──────────────────────────────────────────────────────────────────────

text = st.text(st.characters(exclude_categories=["Cs"]))
value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=4,
)
record = st.fixed_dictionaries(
    {"text": text},
    optional={
        "_id": text.filter(str.strip) | st.integers(),
        "title": text | st.none(),
        "metadata": st.dictionaries(text, value, max_size=3) | st.none(),
        "year": value,
        "tag": value,
    },
)


def expected(r: dict[str, Any], number: int) -> Document:
    others = {k: v for k, v in r.items() if k not in ("text", "_id", "title", "metadata")}
    meta = {**others, **(r.get("metadata") or {})}
    return Document(
        str(r.get("_id", f"r.jsonl#{number}")), r["text"], r.get("title") or "", meta, number
    )


broken = st.sampled_from(
    [
        b"{",
        b"[]",
        b'"s"',
        b"{}",
        b'{"text":1}',
        b'{"text":null}',
        b"}{",
    ]
)


@given(
    st.lists(record | broken | st.sampled_from([b"", b"  \t"]), max_size=8),
    st.booleans(),
    st.booleans(),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
@pytest.mark.slow
def test_every_line_is_a_record_or_an_error_with_its_number(
    items: list[dict[str, Any] | bytes], ascii_only: bool, bom: bool, end: bytes, last_end: bool
) -> None:
    def written(item: dict[str, Any] | bytes) -> bytes:
        return (
            item if isinstance(item, bytes) else json.dumps(item, ensure_ascii=ascii_only).encode()
        )

    data = (
        (b"\xef\xbb\xbf" if bom else b"")
        + end.join(map(written, items))
        + (end if last_end else b"")
    )
    found = lines(data)
    wanted = [
        (n, item) for n, item in enumerate(items, 1) if not isinstance(item, bytes) or item.strip()
    ]
    assert len(found) == len(wanted)
    for got, (number, item) in zip(found, wanted, strict=True):
        if isinstance(item, bytes):
            assert isinstance(got, Unreadable)
            assert got.line == number
        else:
            assert got == expected(item, number)
            assert isinstance(got, Document)
            assert got.digest == expected(item, number).digest
            assert got.line == number


# ── fields ───────────────────────────────────────────────────────────────────────────────────────


def test_ids() -> None:
    assert one({"_id": "a", "id": "b", "text": ""}) == Document("a", "", "", {"id": "b"}, 1)
    assert one({"id": 7, "text": "x"}).id == "7"
    assert one({"text": "x"}).id == "r.jsonl#1"
    assert one(
        {"key": 1, "_id": "a", "id": "b", "text": "x"}, ReadOptions(id_field="key")
    ) == Document("1", "x", "", {"_id": "a", "id": "b"}, 1)


def test_named_fields() -> None:
    options = ReadOptions("doc", "body", "head")
    found = one({"doc": "d", "body": "b", "head": "h", "text": "t", "title": "u"}, options)
    assert found == Document("d", "b", "h", {"text": "t", "title": "u"}, 1)
    assert wrong('{"doc": "d", "text": "t"}', options) == "no field 'body'"
    assert wrong('{"body": "b"}', options) == "no field 'doc'"
    assert one({"doc": "d", "body": "b"}, options).title == ""


def test_metadata() -> None:
    found = one({"text": "x", "a": 1, "b": 2, "metadata": {"b": 3, "c": [None]}})
    assert found.meta == {"a": 1, "b": 3, "c": [None]}  # the object's value stands
    assert one({"text": "x", "metadata": None}).meta == {}
    assert one({"text": "x", "metadata": "free text"}).meta == {"metadata": "free text"}


def test_title_without_text() -> None:
    assert one({"text": "", "title": "T"}) == Document("r.jsonl#1", "", "T", {}, 1)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('{"text": "a"', "not JSON: Expecting ',' delimiter at column 13"),
        ('{"text": "a"} x', "not JSON: Extra data at column 15"),
        ("[1]", "not a record: a list where an object was expected"),
        ("null", "not a record: null where an object was expected"),
        ('{"title": "a"}', "no text"),
        ('{"text": null}', "text is null, not a string"),
        ('{"text": ["a"]}', "text is a list, not a string"),
        ('{"text": "a", "title": 3}', "title is a number, not a string"),
        ('{"text": "a", "_id": " "}', "_id is empty"),
        ('{"text": "a", "_id": true}', "_id is true, not a string or a whole number"),
        ('{"text": "a", "id": 1.5}', "id is a number, not a string or a whole number"),
        ('{"text": "a", "_id": null}', "_id is null, not a string or a whole number"),
        ('{"text": "a\\ud800b"}', "not text: \\ud800 is half a character"),
        ('{"text": "a", "x": {"\\udfff": 1}}', "not text: \\udfff is half a character"),
        ('{"text": "a", "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"text": "a", "x": ' + "1" * 5000 + "}", "Exceeds the limit"),
    ],
)
def test_what_is_wrong_is_said(line: str | bytes, error: str) -> None:
    assert error in wrong(line)


def test_whole_characters_in_escapes_are_fine() -> None:
    assert one({"text": "😀"}).text == "😀"  # json.dumps writes it as two escapes


def test_numbers_that_json_has_not() -> None:
    found = lines('{"text": "a", "x": NaN, "y": [-Infinity], "z": 1e999}\n{"text": "b"}')
    a, first, second, b = found
    assert isinstance(a, Document)
    assert a.meta == {"x": None, "y": [None], "z": None}
    assert [str(w) for w in (first, second)] == [
        "r.jsonl:1: -Infinity is no number that can be kept: read as null",
        "r.jsonl:1: 1e999 is no number that can be kept: read as null",
    ]
    assert isinstance(b, Document)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_streams_are_read(encoding: str) -> None:
    found = lines('{"text": "ä\u2028b"}\r\n\r\nx\r\n{"text": "c"}'.encode(encoding))
    assert [d.text for d in found if isinstance(d, Document)] == ["ä\u2028b", "c"]
    (broken,) = (d for d in found if isinstance(d, Unreadable))
    assert broken.line == 3


def test_a_binary_stream_is_one_error() -> None:
    (problem,) = lines(b"\x1f\x8b\0\0\n\n\n")
    assert isinstance(problem, Unreadable)
    assert problem.line is None


def test_lines_in_a_legacy_encoding() -> None:
    a, b, warning = lines(b'{"text": "a"}\n{"text": "caf\xe9"}')
    assert isinstance(a, Document)
    assert isinstance(b, Document)
    assert b.text == "café"
    assert isinstance(warning, ReadWarning)
    assert (warning.line, "byte 0xe9" in warning.message) == (2, True)
    data = '{"text": "Привет, мир. Мы вернём деньги"}\n'
    (found,) = lines(data.encode("cp1251"))
    assert isinstance(found, Document)
    assert found.text == "Привет, мир. Мы вернём деньги"
    (found,) = lines(data.encode("cp866"), ReadOptions(encoding="cp866"))
    assert isinstance(found, Document)
    assert found.text == "Привет, мир. Мы вернём деньги"
    found, _, warning = lines(data.encode() + data.encode("cp1251"))
    assert isinstance(warning, ReadWarning)
    assert (warning.line, "cp1251" in warning.message) == (2, True)


def test_ids_with_the_files_name() -> None:
    options = ReadOptions(id_prefix="file")
    assert one({"_id": "a", "text": "x"}, options).id == "r.jsonl#a"
    assert one({"id": 7, "text": "x"}, options).id == "r.jsonl#7"
    assert one({"text": "x"}, options).id == "r.jsonl#1"


# ── size ─────────────────────────────────────────────────────────────────────────────────────────


class Generated(io.RawIOBase):
    """A stream that is made as it is read."""

    def __init__(self, chunk: Callable[[int], bytes]) -> None:
        self.chunk, self.n, self.rest = chunk, 0, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.rest:
            self.rest = self.chunk(self.n)
            self.n += 1
        part, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def test_long_lines_are_skipped_and_long_streams_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "MAX_LINE", 1024**2)
    good = b'{"text": "' + b"x" * 1000 + b'"}\n'

    def chunk(n: int) -> bytes:
        if n < 20:
            return good * 100
        if n < 60:  # one line of 40 MiB
            return b"y" * 1024**2
        return b"\n" + good if n == 60 else b""

    tracemalloc.start()
    try:
        found = 0
        problems = []
        for item in read_lines(io.BufferedReader(Generated(chunk)), "r", DEFAULT):
            if isinstance(item, Document):
                found += 1
            else:
                problems.append(item)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == 2001
    assert problems == [Unreadable("r", "line longer than 1 MiB", 2001)]
    assert peak < 12 * 1024**2


def test_the_limit_itself_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    line = b'{"text": "abc"}'
    monkeypatch.setattr(json_records, "MAX_LINE", len(line))
    assert all(isinstance(x, Document) for x in lines(line + b"\n" + line + b"\n" + line))
    long, fine = lines(line[:-2] + b'd"}\n' + line)
    assert isinstance(long, Unreadable)
    assert isinstance(fine, Document)
    assert fine.line == 2


def test_a_stream_that_breaks_off_is_reported() -> None:
    def chunk(n: int) -> bytes:
        if n:
            raise OSError(5, "Input/output error")
        return b'{"text": "a"}\n'

    first, problem = read_lines(io.BufferedReader(Generated(chunk)), "-", DEFAULT)
    assert isinstance(first, Document)
    assert problem == Unreadable("-", "Input/output error", 2)
