"""What a source holds: the promises of walk's docstring. (Ignore rules: test_ignore.py.)"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.corpus import walk
from qembed.corpus.source_files import SPECIAL, SYMLINK, UNKNOWN
from qembed.errors import UsageError
from qembed.types import SourceFile, Unreadable
from tests.capabilities import as_others_see
from tests.corpus.trees import make, names, rules

# ── what is chosen ───────────────────────────────────────────────────────────────────────────────


def test_include_and_exclude(tmp_path: Path) -> None:
    make(tmp_path, ["a.md", "b.txt", "docs/c.md", "docs/old/d.md", "docs/e.txt", "f/docs/g.txt"])
    assert names(tmp_path, include=["*.md"]) == ["a.md", "docs/c.md", "docs/old/d.md"]
    assert names(tmp_path, include=["/docs/"]) == ["docs/c.md", "docs/e.txt", "docs/old/d.md"]
    assert names(tmp_path, include=["docs/"], exclude=["old/", "*.txt"]) == ["docs/c.md"]
    assert names(tmp_path, exclude=["docs/*", "!docs/c.md"]) == [
        "a.md",
        "b.txt",
        "docs/c.md",
        "f/docs/g.txt",
    ]


def test_include_does_not_undo_ignore(tmp_path: Path) -> None:
    make(tmp_path, ["a.md", "b.md"])
    rules(tmp_path, "b.md")
    assert names(tmp_path, include=["b.md", "a.md"]) == ["a.md"]


def test_wrong_patterns_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'!'.*'# x'"):
        list(walk(tmp_path, include=["!", "*.md"], exclude=["# x"]))


def test_suffixes(tmp_path: Path) -> None:
    make(tmp_path, ["A.MD", "b.exe", "c.asm", "README", "Makefile", "core", "d.tar.gz", "e."])
    skipped: list[tuple[str, str]] = []
    found = [
        f.name
        for f in walk(tmp_path, on_skip=lambda *s: skipped.append(s))
        if isinstance(f, SourceFile)
    ]
    assert found == ["A.MD", "Makefile", "README"]
    assert sorted(skipped) == [(n, UNKNOWN) for n in ("b.exe", "c.asm", "core", "d.tar.gz", "e.")]
    assert names(tmp_path, include=["*.asm"]) == ["c.asm"]


def test_links_and_special_files(tmp_path: Path) -> None:
    source = tmp_path / "s"
    make(source, ["a.txt", "d/b.txt"])
    (source / "link.txt").symlink_to("a.txt")
    (source / "loop").symlink_to(source, target_is_directory=True)
    (source / "dangling.txt").symlink_to("nowhere")
    os.mkfifo(source / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(source)  # names of sockets are short
        server.bind("sock.txt")
        os.chdir(here)
        skipped: dict[str, str] = {}
        found = [
            f.name for f in walk(source, on_skip=skipped.__setitem__) if isinstance(f, SourceFile)
        ]
    assert found == ["a.txt", "d/b.txt"]
    assert skipped == {
        **dict.fromkeys(("link.txt", "loop", "dangling.txt"), SYMLINK),
        **dict.fromkeys(("pipe.txt", "sock.txt"), SPECIAL),
    }


def test_a_named_file_is_taken_whatever_the_rules(tmp_path: Path) -> None:
    make(tmp_path, [".notes.xyz"])
    rules(tmp_path, "*")
    (file,) = walk(tmp_path / ".notes.xyz", include=["*.md"], exclude=["*"])
    assert isinstance(file, SourceFile)
    assert (file.name, file.size) == (".notes.xyz", 1)
    (tmp_path / "link").symlink_to(".notes.xyz")
    (file,) = walk(tmp_path / "link", label="mine")
    assert isinstance(file, SourceFile)
    assert (file.name, file.source) == ("link", "mine")


def test_a_folder_named_by_a_link_is_followed(tmp_path: Path) -> None:
    make(tmp_path, ["d/a.txt"])
    (tmp_path / "l").symlink_to("d")
    assert names(tmp_path / "l") == ["a.txt"]


def test_sources_that_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        list(walk(tmp_path / "pipe"))
    with pytest.raises(UsageError, match="no such file"):
        list(walk(tmp_path / "gone"))


# ── how it comes out ─────────────────────────────────────────────────────────────────────────────


@settings(max_examples=30, deadline=None)
@given(
    st.sets(
        st.lists(st.sampled_from(["a", "a-", "a.b", "b", "é"]), min_size=1, max_size=4).map(
            "/".join
        )
    )
)
def test_sorted_with_what_stat_says(
    tmp_path_factory: pytest.TempPathFactory, stems: set[str]
) -> None:
    root = tmp_path_factory.mktemp("sorted")
    make(root, [s + ".txt" for s in stems])
    found = list(walk(root))
    assert [f.name for f in found if isinstance(f, SourceFile)] == sorted(s + ".txt" for s in stems)
    for f in found:
        assert isinstance(f, SourceFile)
        info = (root / f.name).stat()
        assert f == SourceFile(
            str(root), f.name, str(root / f.name), info.st_size, info.st_mtime_ns, info.st_ctime_ns
        )
        assert f.path == root / f.name


def test_a_closed_folder_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    make(tmp_path, ["a.txt", "closed/b.txt", "z.txt"])
    (tmp_path / "closed").chmod(0)
    try:
        with as_others_see():
            found = list(walk(tmp_path))
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert [f.name for f in found if isinstance(f, SourceFile)] == ["a.txt", "z.txt"]
    (problem,) = (f for f in found if isinstance(f, Unreadable))
    assert problem == Unreadable(
        str(tmp_path / "closed"), "folder cannot be listed: permission denied"
    )


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, ["a.txt", "closed/b.txt", "gone/c.txt", "zz/closed/d.txt"])
    scandir = os.scandir

    def failing(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        if path.endswith("gone"):  # removed between its parent's listing and its own
            raise FileNotFoundError(2, "No such file or directory", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    found = list(walk(tmp_path))
    assert [f.path if isinstance(f, Unreadable) else f.name for f in found] == [
        "a.txt",
        str(tmp_path / "closed"),
        str(tmp_path / "zz/closed"),
    ]


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    make(tmp_path, ["a.txt"])
    raw = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    try:
        os.close(os.open(raw, os.O_CREAT))
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    problem, file = sorted(walk(tmp_path), key=lambda f: isinstance(f, SourceFile))
    assert isinstance(problem, Unreadable)
    assert problem.path.endswith("caf\\xe9.txt")
    problem.path.encode()
    assert isinstance(file, SourceFile)


@pytest.mark.slow
def test_depth_is_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = 1200  # deeper than Python's stack; and made step by step, for the same reason
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        os.mkdir("d")  # noqa: PTH102
        os.chdir("d")
    Path("a.txt").write_text("x")
    found = [f.name for f in walk(tmp_path) if isinstance(f, SourceFile)]
    Path("a.txt").unlink()
    for _ in range(depth):
        os.chdir("..")
        os.rmdir("d")  # noqa: PTH106
    assert found == ["d/" * depth + "a.txt"]
