"""Compressed data: recognised by content, limited, and never read in part without an error."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable

import pyarrow as pa
import pytest

from qembed.compression import Codec, DecompressionBomb, decompress, detect_codec


def zstd(data: bytes) -> bytes:
    packed = pa.Codec("zstd").compress(data, asbytes=True)
    assert isinstance(packed, bytes)
    return packed


PACKERS: dict[Codec, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
TEXT = b"".join(b"q%d 0 d%d 1\n" % (n, n * 7919 % 1000) for n in range(20_000))


def unpacked(data: bytes, codec: Codec, limit: int = 1 << 30) -> bytes:
    with decompress(io.BytesIO(data), codec, limit) as stream:
        return stream.read()


@pytest.mark.parametrize("codec", PACKERS)
def test_a_stream_gives_back_what_was_packed(codec: Codec) -> None:
    for text in (TEXT, b"", b"x"):
        packed = PACKERS[codec](text)
        assert detect_codec(packed[:10]) == codec
        assert unpacked(packed, codec) == text
        assert unpacked(packed + packed, codec) == text + text, "concatenated streams are one"


@pytest.mark.parametrize("codec", PACKERS)
def test_a_truncated_stream_is_an_error(codec: Codec) -> None:
    packed = PACKERS[codec](TEXT)
    for cut in (5, 11, len(packed) // 2, len(packed) - 1):
        with pytest.raises(OSError, match="cannot be unpacked"):
            unpacked(packed[:cut], codec)


@pytest.mark.parametrize("codec", PACKERS)
def test_a_damaged_stream_is_an_error(codec: Codec) -> None:
    packed = bytearray(PACKERS[codec](TEXT))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(OSError, match="cannot be unpacked"):
        unpacked(bytes(packed), codec)


@pytest.mark.parametrize("codec", PACKERS)
@pytest.mark.slow
def test_a_bomb_stops_at_the_limit(codec: Codec) -> None:
    packed = PACKERS[codec](bytes(10_000_000))
    with pytest.raises(DecompressionBomb):
        unpacked(packed, codec, 1_000_000)
    assert len(unpacked(packed, codec, 10_000_000)) == 10_000_000


def test_a_skippable_frame_of_zstd_is_skipped() -> None:
    frame = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    assert detect_codec(frame) == "zstd"
    assert unpacked(frame + zstd(TEXT), "zstd") == TEXT


@pytest.mark.parametrize(
    "text", [b"", b"q1 0 d1 1\n", b"BZh1 0 d1 1\n", b"\x1f\x8b", b"{", b"\xef\xbb\xbfq"]
)
def test_text_is_not_compressed(text: bytes) -> None:
    assert detect_codec(text) is None


def test_closing_the_stream_closes_the_file() -> None:
    raw = io.BytesIO(gzip.compress(b"x"))
    decompress(raw, "gzip", 10).close()
    assert raw.closed
