"""Content of a file with logs, packed or not."""

from __future__ import annotations

import codecs
import io
from pathlib import Path

from qembed.compression import decompress, detect_codec
from qembed.errors import cannot_read

MAX_UNPACKED = 4 << 30
"""Bytes that a compressed file may unpack to."""


def read_data(path: Path) -> bytes:
    """Bytes of a file, unpacked, without a byte order mark. Raises InputError for one that cannot be read."""
    try:
        return unpacked(path.read_bytes())
    except OSError as e:
        raise cannot_read(path, e) from e


def unpacked(data: bytes) -> bytes:
    """Bytes unpacked if they are packed, without a byte order mark. Raises OSError for damaged data."""
    if (codec := detect_codec(data)) is not None:
        with decompress(io.BytesIO(data), codec, MAX_UNPACKED) as stream:
            data = stream.read()
    return data.removeprefix(codecs.BOM_UTF8)
