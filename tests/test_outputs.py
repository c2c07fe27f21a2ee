"""Outputs that cannot be written are told before the work, all at once."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from qembed.errors import StorageError, UsageError
from qembed.outputs import NamedFile, check_apart, check_outputs, whole_file


def test_what_can_be_written_passes(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "new")
    check_outputs([None, tmp_path / "there", tmp_path / "link", Path("/dev/null")])
    check_outputs([], [tmp_path / "a" / "b"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "there"]


def test_all_refusals_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as caught:
        check_outputs([tmp_path, tmp_path / "no" / "x", tmp_path / "file" / "x"])
    assert [line.rpartition(": ")[2] for line in str(caught.value).splitlines()] == [
        "it is a folder",
        "no such file or folder",
        "part of its path is no folder",
    ]


def test_a_read_only_file_system_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    with pytest.raises(StorageError, match="the file system is read-only"):
        check_outputs([tmp_path / "report.json"])


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc")
def test_a_folder_that_only_looks_writable_is_refused() -> None:
    """To root /proc passes for a folder that may be written."""
    with pytest.raises(StorageError, match="cannot write /proc/none/a"):
        check_outputs([], [Path("/proc/none/a")])


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path, link = tmp_path / "list.jsonl", tmp_path / "link"
    link.symlink_to(path)
    with whole_file(link) as part:
        part.write_text("new")
        assert not path.exists()
    assert (link.is_symlink(), path.read_text()) == (True, "new")
    with pytest.raises(FileNotFoundError), whole_file(path):
        (tmp_path / "nowhere").read_text()
    assert path.read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "list.jsonl"]


def test_a_pipe_stays_one(tmp_path: Path) -> None:
    """A rename would put a file in its place, and root's in the place of a device."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with whole_file(pipe) as part:
            part.write_bytes(b"all of it")
        assert pipe.is_fifo()
        assert os.read(reading, 100) == b"all of it"
    finally:
        os.close(reading)
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]


def test_outputs_are_apart_from_inputs(tmp_path: Path) -> None:
    (tmp_path / "q").write_text("")
    os.link(tmp_path / "q", tmp_path / "hard")
    (tmp_path / "soft").symlink_to("absent")
    read = [NamedFile("--queries", tmp_path / "q"), NamedFile("--baseline", tmp_path / "absent")]
    devices = [NamedFile(o, Path(p)) for o in ("-o", "--report") for p in ("-", "/dev/null")]
    check_apart([*devices, NamedFile("-o", tmp_path / "new")], [*devices, *read])
    written = [NamedFile("-o", tmp_path / name) for name in ("hard", "soft", "x", "../x", "./x")]
    with pytest.raises(UsageError) as e:
        check_apart(written, read)
    lines = str(e.value).split("\n  ")
    assert [line.split()[-1] for line in lines] == ["file", "file", "two"]
    assert f"-o {tmp_path}/soft would replace --baseline {tmp_path}/absent" in lines[1]
