"""ZIP archives of documents, within limits on what they unpack to."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from urllib.parse import unquote

MAX_UNPACKED = 512 * 1024 * 1024
"""Bytes of all members together."""
MAX_MEMBER = 128 * 1024 * 1024
"""Bytes of one member."""
MAX_MEMBERS = 20_000
_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")
"""First bytes of what Office wrote before 2007, and wraps around encrypted files today."""


class Archive:
    """Members of a ZIP file by name; upper and lower case in names do not matter.

    Raises ValueError for what is no archive, and for one that says that it unpacks to more than it may.
    """

    def __init__(self, data: bytes) -> None:
        if data.startswith(_COMPOUND):
            raise ValueError(
                "encrypted with a password, or a format of before 2007 by another name"
            )
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, NotImplementedError, EOFError) as e:
            raise ValueError(f"no ZIP archive: {e}") from e
        sizes = [i.file_size for i in self._zip.infolist()]
        if (
            len(sizes) > MAX_MEMBERS
            or max(sizes, default=0) > MAX_MEMBER
            or sum(sizes) > MAX_UNPACKED
        ):
            raise ValueError(
                "its archive unpacks to far more than it should (a decompression bomb?)"
            )
        self._names = {name.lower(): name for name in reversed(self._zip.namelist())}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._names

    def names(self) -> list[str]:
        """Names of all members, in the order of the archive."""
        return self._zip.namelist()

    def read(self, name: str) -> bytes:
        """Return a member's bytes. Raises ValueError if it is missing, encrypted or damaged."""
        actual = self._names.get(name.lower())
        if actual is None:
            raise ValueError(f"{name}: not in the archive")
        try:
            return self._zip.read(actual)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as e:
            raise ValueError(f"{name}: {e}") from e


def resolve(base: str, target: str) -> str:
    """Return the member that `target`, a reference in the member `base`, means; inside the archive always."""
    path = unquote(target.partition("#")[0])
    joined = path if path.startswith("/") else posixpath.join(posixpath.dirname(base), path)
    return posixpath.normpath("/" + joined).lstrip("/")
