"""Folders of finished files: paths, and addresses of fsspec."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry as registered

from qembed.engines.shared_folder import SharedFolder
from qembed.errors import StorageError, UsageError


@pytest.mark.parametrize("kind", ["path", "file", "fsspec"])
def test_files_appear_whole_under_their_names(tmp_path: Path, kind: str) -> None:
    place = {"path": f"{tmp_path}/a", "file": f"file://{tmp_path}/b", "fsspec": "memory://c"}[kind]
    folder = pickle.loads(pickle.dumps(SharedFolder(place)))
    assert folder.names() == set()
    folder.write("one", b"1")
    folder.write("one", b"2")
    folder.write("two", b"3")
    assert folder.names() == {"one", "two"}
    assert (folder.read("one"), folder.read("two")) == (b"2", b"3")


class Buckets(MemoryFileSystem):
    """Store as s3fs shows it: without empty folders, and to make a folder makes its bucket, too. What a list
    that was kept does not have is not read.
    """

    protocol = "s3"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        if path.startswith("s3://"):
            return path.removeprefix("s3://")
        return str(super()._strip_protocol(path))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        self.mkdir(path.partition("/")[0])

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        path = self._strip_protocol(path)
        self.dircache[path] = super().ls(path, detail=True, **kwargs)
        return self.dircache[path] if detail else [e["name"] for e in self.dircache[path]]

    def cat_file(self, path: str, *args: Any, **kwargs: Any) -> bytes:
        self._ls_from_cache(self._strip_protocol(path))
        return bytes(super().cat_file(path, *args, **kwargs))

    def invalidate_cache(self, path: str | None = None) -> None:
        self.dircache.clear()


@pytest.fixture
def buckets(monkeypatch: pytest.MonkeyPatch) -> Buckets:
    """Store behind `s3://` with a bucket `help`."""
    monkeypatch.setitem(registered, "s3", Buckets)
    monkeypatch.setattr(Buckets, "store", {})
    monkeypatch.setattr(Buckets, "pseudo_dirs", [""])
    found = Buckets()
    found.mkdir("help")
    return found


def test_what_others_wrote_since_a_list_is_read(buckets: Buckets) -> None:
    folder = SharedFolder("s3://help/shared")
    folder.write("one", b"1")
    assert folder.names() == {"one"}
    Buckets(skip_instance_cache=True).pipe_file("help/shared/two", b"2")
    assert folder.read("two") == b"2"


def test_a_bucket_is_never_made(buckets: Buckets) -> None:
    folder = SharedFolder("s3://help/new")
    assert folder.names() == set()
    folder.write("one", b"1")
    assert (folder.names(), folder.read("one")) == ({"one"}, b"1")
    with pytest.raises(StorageError, match="at s3://hlep/new: not found: "):
        SharedFolder("s3://hlep/new").names()
    assert not buckets.exists("hlep")


def test_what_was_not_finished_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "one.1a2b3c4d.tmp").write_bytes(b"half")
    assert SharedFolder(str(tmp_path)).names() == set()


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with pytest.raises(StorageError, match=f"cannot write the encoded shards at {tmp_path}"):
        SharedFolder(str(tmp_path)).write("one", b"1")
    assert [p.name for p in tmp_path.iterdir()] == ["one"]


def test_a_file_that_is_missing_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nothing is lost"):
        SharedFolder(str(tmp_path)).read("one")


def test_an_unknown_protocol_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--shards nope://x: Protocol not known"):
        SharedFolder("nope://x").names()


@pytest.mark.parametrize("place", ["s3://", "gs:///folder", "s3://name:secret@help/x", "gs://@/x"])
def test_an_address_without_a_bucket_or_with_a_secret_is_refused(place: str) -> None:
    with pytest.raises(
        UsageError, match=r"--shards wants (s3|gs)://BUCKET/FOLDER: a name and keys"
    ) as raised:
        SharedFolder(place)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(16, "Please reduce your request rate."), "Please reduce your request rate."),
        (
            ValueError("Parameter validation failed:\nInvalid length\nmore"),
            "failed: Invalid length",
        ),
        (FileNotFoundError("help/one"), "not found: help/one"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_message_has_the_reason(
    monkeypatch: pytest.MonkeyPatch, buckets: Buckets, error: Exception, reason: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(buckets, "cat_file", fail)
    with pytest.raises(StorageError, match=rf"s3://help/x: .*{reason} \(nothing is lost"):
        SharedFolder("s3://help/x").read("one")
