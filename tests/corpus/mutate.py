"""Changes to files: to their bytes, and to what is in them, so that readers get past the first look.

Most changes to the bytes of an archive or of JSON end at its checksum or first comma. So a packed file is
unpacked, a member of an archive, a value of JSON or a line of text is changed, and it is packed again.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
import zlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.corpus.made import zstd

TOKENS = (
    b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b'"', b"[" * 3000, b"<a><b>" * 500, b"{" * 2000,
    b"\r", b"\n\n", b"---\n", b"9" * 5000, b"\x1b]0;x\x07", b"&a;" * 50, b"`" * 300, b"-->", b"1e999",
    b"%PDF", b"PK\x03\x04", b"\x1f\x8b", b" | " * 99, b"<!--", b"=" * 80 + b"\n", b"NaN", b"../../x",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, -1, 10**30, 1e308, float("nan"), float("inf"), "", " \n", "\0", "\ud800", "\u202e",
    "é" * 3000, "../../etc/passwd", [], {}, [[]], {"": {}}, {"text": []}, "0001-01-01", b"\xff".hex(),
)  # fmt: skip
ARCHIVES = (".docx", ".pptx", ".xlsx", ".epub")


def mutate(name: str, data: bytes, rng: random.Random) -> bytes:
    """A file of this name, changed in its bytes or, two times of three, in what is in them."""
    if rng.randrange(3):
        try:
            return _inside(name.lower(), data, rng)
        # a sample that is broken as it is
        except (ValueError, OSError, zipfile.BadZipFile, EOFError, zlib.error, RecursionError):
            pass
    return changed(data, rng)


def changed(data: bytes, rng: random.Random) -> bytes:
    """A few changes, small and large."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(found) + 1)
        match rng.randrange(6):
            case 0 if found:
                found[at % len(found)] = rng.randrange(256)
            case 1:
                found[at : at + rng.randrange(1, 64)] = b""
            case 2:
                found[at:at] = rng.choice(TOKENS)
            case 3:
                del found[at:]
            case 4:
                found[at:at] = found[at : at + rng.randrange(1, 512)]
            case _:
                found[at : at + 4] = rng.randbytes(4)
    return bytes(found)


def _inside(name: str, data: bytes, rng: random.Random) -> bytes:
    if name.endswith(".gz"):
        return gzip.compress(mutate(name[:-3], gzip.decompress(data), rng))
    if name.endswith(".zst"):
        raw = pa.input_stream(pa.BufferReader(data), compression="zstd").read()
        return zstd(mutate(name[:-4], raw, rng))
    if name.endswith(ARCHIVES):
        return _archive(data, rng)
    if name.endswith((".json", ".ipynb")):
        return _dumped(_value(json.loads(data), rng))
    if name.endswith((".jsonl", ".ndjson")):
        lines = [json.loads(line) for line in data.splitlines()]
        return b"\n".join(_dumped(_value(line, rng)) for line in lines for _ in range(2))
    if name.endswith(".parquet"):
        return _table(rng)
    return _lines(data, rng)


def _archive(data: bytes, rng: random.Random) -> bytes:
    """One member changed, left out, doubled or grown; the others as they were."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        chosen = rng.choice(names)
        for name in names:
            body = old.read(name)
            if name == chosen:
                match rng.randrange(5):
                    case 0:
                        continue
                    case 1:
                        body = old.read(rng.choice(names))
                    case 2:
                        body = _lines(body.replace(b">", b">\n"), rng)
                    case _:
                        body = changed(body, rng)
            new.writestr(name, body)
    return out.getvalue()


def _value(value: Any, rng: random.Random, depth: int = 0) -> Any:
    """A JSON value with another one somewhere in it."""
    if (depth and not rng.randrange(3)) or not isinstance(value, dict | list) or not value:
        return rng.choice(VALUES)
    if isinstance(value, list):
        at = rng.randrange(len(value))
        return [_value(v, rng, depth + 1) if i == at else v for i, v in enumerate(value)]
    key = rng.choice(list(value))
    found = {k: _value(v, rng, depth + 1) if k == key else v for k, v in value.items()}
    if not rng.randrange(3):
        found[rng.choice(("_id", "id", "text", "title", "metadata", "", "é"))] = rng.choice(VALUES)
    return found


def _dumped(value: Any) -> bytes:
    """As JSON; half a surrogate pair stays the escape it is."""
    return json.dumps(value).encode()


def _table(rng: random.Random) -> bytes:
    """Parquet with columns of every kind."""
    n = rng.randrange(4)
    kinds: list[list[Any]] = [
        ["a", None, "\0", "é" * 2000], [1, None, -(2**63), 5], [b"\xff", b"", None, b"x"],
        [[1], [], None, [None]], [{"a": 1}, None, {"a": None}, {"a": 2}], [1.5, float("nan"), None, 1e308],
    ]  # fmt: skip
    names = ["_id", "id", "text", "title", "metadata", "x.y", "", "é"]
    columns = {name: rng.choice(kinds)[:n] for name in rng.sample(names, rng.randrange(1, 6))}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def _lines(data: bytes, rng: random.Random) -> bytes:
    """Lines in another order, many times over, without one of them, or with another in between."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            rng.shuffle(lines)
        case 1:
            lines[at:at] = [lines[at]] * rng.choice((2, 300))
        case 2:
            del lines[at]
        case 3:
            lines[at] = changed(lines[at], rng)
        case _:
            lines.insert(at, rng.choice(TOKENS))
    return b"\n".join(lines)
