"""Folder of finished files that several machines see: a path, or an address of fsspec (`s3://`, `gs://`).

A file appears whole or not at all: it is written under another name and renamed; in an object store an object
is so by itself.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import uuid
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qembed.errors import StorageError, UsageError, brief

_OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "abfs", "az")
_PLAIN = ("", "file", "local")
_BUCKET = re.compile(r"(?:s3a?|gs|gcs)://[^/@]+(/.*)?", re.DOTALL)
"""Address in a bucket. A user or a password there would come back in messages."""


class SharedFolder:
    """Folder at `place`; `is_store`: in a bucket. Pickled, it is opened anew at the other side.

    `option`, `extra`, `content`: for messages, the option that names it, the extra with fsspec, what it has.
    """

    def __init__(
        self,
        place: str,
        option: str = "--shards",
        extra: str = "ray",
        content: str = "the encoded shards",
    ) -> None:
        self.place = place
        self._words = (option, extra, content)
        self._fs: Any = None
        protocol = place.partition("://")[0] if "://" in place else ""
        self.is_store = protocol in _OBJECT_STORES
        if protocol in _PLAIN:
            self.place = os.path.abspath(place.partition("://")[2] or place)  # noqa: PTH100
        elif find_spec("fsspec") is None:
            raise UsageError(
                f"{option} {place} needs fsspec (pip install 'qembed-search[{extra}]')"
            )
        elif protocol in ("s3", "s3a", "gs", "gcs") and not _BUCKET.fullmatch(place):
            raise UsageError(
                f"{option} wants {protocol}://BUCKET/FOLDER: a name and keys come from the environment"
            )
        self._is_plain = protocol in _PLAIN

    def __reduce__(self) -> tuple[type[SharedFolder], tuple[str, ...]]:
        return SharedFolder, (self.place, *self._words)

    def _open(self) -> tuple[Any, str]:
        import fsspec

        # what it logs, with tracebacks, is raised as well
        logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
        try:
            fs, path = fsspec.core.url_to_fs(self.place)
        except (ImportError, ValueError) as e:
            raise UsageError(f"{self._words[0]} {self.place}: {str(e).splitlines()[0]}") from e
        # others write there, and s3fs believes its kept list: what came since is not found, or read cut
        fs.invalidate_cache()
        return fs, path

    def names(self) -> set[str]:
        """Names of the finished files. Raises StorageError, also for a bucket that is not there."""
        with self._errors("read"):
            if self._is_plain:
                folder = Path(self.place)
                folder.mkdir(parents=True, exist_ok=True)
                found = {entry.name for entry in os.scandir(folder)}
            else:
                found = self._listed()
        return {name for name in found if not name.endswith(".tmp")}

    def _listed(self) -> set[str]:
        """Names of all files of a folder that fsspec opens."""
        fs, path = self._open()
        if not self.is_store:
            fs.makedirs(path, exist_ok=True)
        try:
            listed = fs.ls(path, detail=False)
        except FileNotFoundError:
            # object stores have no empty folders; making one would make a bucket that is misspelt
            if not self.is_store or not _is_bucket(fs, path.partition("/")[0]):
                raise
            listed = []
        return {str(name).rpartition("/")[2] for name in listed}

    def read(self, name: str) -> bytes:
        """Read a file. Raises StorageError."""
        with self._errors("read"):
            if self._is_plain:
                return (Path(self.place) / name).read_bytes()
            fs, path = self._open()
            return bytes(fs.cat_file(f"{path}/{name}"))

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole. Raises StorageError."""
        temporary = f"{name}.{uuid.uuid4().hex[:8]}.tmp"
        with self._errors("write"):
            if self._is_plain:
                self._write_plain(Path(self.place), name, temporary, data)
                return
            fs, path = self._open()
            if self.is_store:
                fs.pipe_file(f"{path}/{name}", data)
            else:
                fs.pipe_file(f"{path}/{temporary}", data)
                fs.mv(f"{path}/{temporary}", f"{path}/{name}")

    @staticmethod
    def _write_plain(folder: Path, name: str, temporary: str, data: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / temporary
        try:
            with path.open("xb") as f:
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
            path.replace(folder / name)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def _errors(self, verb: str) -> Any:
        """Turn what file systems raise into StorageError, without what a library adds of its settings."""
        try:
            yield
        except (UsageError, StorageError):
            raise
        except Exception as e:  # each object store has exceptions of its own
            reason = re.sub(r"^\[Errno \d+\] ", "", brief(e))
            if isinstance(e, FileNotFoundError) and e.errno is None:
                reason = f"not found: {reason}"  # object stores name the address alone
            raise StorageError(
                f"cannot {verb} {self._words[2]} at {self.place}: {reason} (nothing is lost: mend this "
                "and run the same command again)"
            ) from e


def _is_bucket(fs: Any, name: str) -> bool:
    """False for a bucket that is not there; True also where one may not ask, and writing will tell."""
    try:
        return bool(fs.exists(name))
    except PermissionError:
        return True


def server_path(place: str, given: str | None) -> str:
    """Name of a folder for a server that reads its bucket, or mounts the folder, with a `/` at its end.

    That is `given`, else the path below the bucket of an object store, else the absolute path. Raises
    UsageError for another kind of address.
    """
    protocol, mark, rest = place.partition("://")
    if given is not None:
        return given.rstrip("/") + "/" if given else ""
    if mark and protocol in _OBJECT_STORES:
        below = rest.partition("/")[2].strip("/")
        return f"{below}/" if below else ""
    if mark and protocol not in _PLAIN:
        raise UsageError(
            f"--bulk {place}: how the server names this folder cannot be told (--bulk-path PATH says it)"
        )
    return os.path.abspath(rest if mark else place).rstrip("/") + "/"  # noqa: PTH100
