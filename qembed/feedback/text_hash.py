"""Hashes of texts in a log that is not to hold them: equal texts of one index have equal hashes.

BLAKE2b with a key of the index, so that nobody without it can try out texts. The key stands beside the log:
it is no secret from who may read that, but a log that is copied without it tells no texts.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from qembed.paths import FEEDBACK

KEY_FILE = "key"
KEY_BYTES = 32
DIGEST_BYTES = 16
PREFIX = "blake2b:"


def hash_text(text: str, key: bytes) -> str:
    """Hash of a text, `blake2b:` and 32 hex digits."""
    data = text.encode("utf-8", "surrogatepass")
    return PREFIX + hashlib.blake2b(data, key=key, digest_size=DIGEST_BYTES).hexdigest()


def is_hashed(text: str) -> bool:
    """True for what `hash_text` returns."""
    digits = text.removeprefix(PREFIX)
    return digits != text and len(digits) == 2 * DIGEST_BYTES


def read_key(root: Path) -> bytes | None:
    """Key of the index at `root`, 32 bytes; None if nothing was hashed yet. Raises OSError."""
    try:
        key = (root / FEEDBACK / KEY_FILE).read_bytes()
    except FileNotFoundError:
        return None
    return key if len(key) == KEY_BYTES else None


def make_key(root: Path) -> bytes:
    """Key of the index at `root`, made if there is none; of two made at once, one counts. Raises OSError."""
    if (key := read_key(root)) is not None:
        return key
    folder = root / FEEDBACK
    folder.mkdir(exist_ok=True)
    new = folder / f"{KEY_FILE}-{os.urandom(6).hex()}.tmp"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, os.urandom(KEY_BYTES))
        os.fsync(fd)
    finally:
        os.close(fd)
    try:
        os.link(new, folder / KEY_FILE)  # unlike a rename it replaces no other's key
    except FileExistsError:
        pass
    finally:
        new.unlink()
    made = read_key(root)
    if made is None:
        raise OSError(f"{folder / KEY_FILE} is damaged: {KEY_BYTES} bytes are wanted")
    return made
