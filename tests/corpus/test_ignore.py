"""Ignore rules. git is the oracle: what it lists as not ignored is what a walk finds."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qembed.corpus import walk
from qembed.types import SourceFile, Unreadable
from tests.corpus.trees import make, names, rules

GIT = shutil.which("git")

# fmt: off
# ("dé", not "é": to git, which counts bytes, `?` is not a whole letter)
FOLDERS = ["", "foo/", "foo/bar/", "foo/bar/foo/", "build/", "bar/build/", "a.txt/", "bar/a.txt/foo/"]
FILES = ["a.md", "foo.txt", "keep.txt", "x y.txt", "#h.txt", "!n.txt", "dé.txt", "b[1].txt"]
PATTERNS = [
    "*.txt", "*.md", "*", "**", "*/", "**/", "foo", "foo/", "/foo", "/foo/", "build/", "bar/build",
    "foo/*", "foo/**", "/foo/**", "foo/**/", "**/foo", "**/foo/", "**/foo/*.txt", "foo/**/a.md",
    "foo/*/", "a.txt", "a.txt/", "a.*", "?.md", "[a-e].md", "[!a].md", "[]-]", "b[[]1].txt", "b[1].txt",
    "\\#h.txt", "#h.txt", "\\!n.txt", "x y.txt", "x\\ y.txt", "keep.txt   ", "keep.txt\\ ", "dé.txt",
    "/*", "/*/", "*.t?t", "k*p*", "bar/", "bar/*", "/bar/a.txt", "foo/bar", "bar/**/foo", "", "/", "foo[",
    "*o", "f*", "**/bar/**", "a/../b", "foo//bar", "./foo", "keep", ".", "*.TXT", "foo/bar/", "k\\eep.txt",
]
# fmt: on


@pytest.fixture(scope="module")
def git_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if GIT is None:
        pytest.skip("git is not installed")
    root = tmp_path_factory.mktemp("git")
    subprocess.run([GIT, "init", "-q", root], check=True)
    (root / ".git/info/exclude").unlink(missing_ok=True)
    return root / ".git"


def not_ignored(git_dir: Path, tree: Path) -> list[str]:
    assert GIT is not None
    command = [GIT, f"--git-dir={git_dir}", f"--work-tree={tree}", "ls-files", "-oz"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for key in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "XDG_CONFIG_HOME"):
        environment.pop(key, None)
    listed = subprocess.run(
        [*command, "--exclude-per-directory=.gitignore"],
        cwd=tree,
        env=environment,
        check=True,
        capture_output=True,
    ).stdout.decode()
    parts = [name for name in listed.split("\0") if name]
    return sorted(p for p in parts if not any(x.startswith(".") for x in p.split("/")))


lines = st.lists(
    st.tuples(st.booleans(), st.sampled_from(PATTERNS)).map(lambda p: ("!" if p[0] else "") + p[1]),
    min_size=1,
    max_size=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(FOLDERS), lines, min_size=1, max_size=3), st.randoms())
@pytest.mark.slow
def test_ignores_what_git_ignores(
    git_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
    ignore: dict[str, list[str]],
    rng: random.Random,
) -> None:
    tree = tmp_path_factory.mktemp("tree")
    make(tree, [f + n for f in FOLDERS for n in rng.sample(FILES, 4)])
    for folder, patterns in ignore.items():
        rules(tree, "\n".join(patterns), folder)
    try:
        assert names(tree) == not_ignored(git_dir, tree)
    finally:
        shutil.rmtree(tree)


@pytest.mark.parametrize(
    ("ignore", "kept"),
    [
        ("logs/*\n!logs/keep.txt\n", ["logs/keep.txt", "z.txt"]),
        ("logs/**\n!logs/keep.txt\n", ["logs/keep.txt", "z.txt"]),
        ("logs/\n!logs/keep.txt\n", ["z.txt"]),
        ("*\n!*/\n!keep.txt\n", ["logs/keep.txt"]),
        ("# a comment\r\nz.txt\r\n", ["logs/a.txt", "logs/keep.txt"]),
        ("\ufeffz.txt\n", ["logs/a.txt", "logs/keep.txt"]),
    ],
)
def test_ignore_idioms(tmp_path: Path, ignore: str, kept: list[str]) -> None:
    make(tmp_path, ["logs/a.txt", "logs/keep.txt", "z.txt"])
    rules(tmp_path, ignore)
    assert names(tmp_path) == kept
    assert len(names(tmp_path, use_ignore=False)) == 3


def test_precedence_of_the_three_files(tmp_path: Path) -> None:
    make(tmp_path, ["a.txt", "b.txt", "c.txt", "d/a.txt"])
    rules(tmp_path, "*.txt\n")
    rules(tmp_path, "!a.txt\n!b.txt\n", name=".ignore")
    rules(tmp_path, "b.txt\n!c.txt\n", name=".qembedignore")
    assert names(tmp_path) == ["a.txt", "c.txt", "d/a.txt"]
    # a deeper file decides, whichever of the three it is
    rules(tmp_path, "a.txt\n", "d")
    assert names(tmp_path) == ["a.txt", "c.txt"]


def test_only_what_is_inside_counts(tmp_path: Path) -> None:
    source = tmp_path / ".hidden" / "notes"
    make(source, ["a.txt", ".secret.txt", ".git/b.txt", ".hg/c.txt", "d/.e/f.txt"])
    rules(tmp_path, "*\n")
    assert names(source) == ["a.txt"]
    assert names(tmp_path) == []


def test_folders_of_version_control(tmp_path: Path) -> None:
    make(tmp_path, ["_darcs/a.txt", "CVS/Entries", "CVS/a.txt", "shops/CVS/a.txt"])
    assert names(tmp_path) == ["shops/CVS/a.txt"]


def test_unreadable_ignore_file_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    make(tmp_path, ["a.txt"])
    rules(tmp_path, "a.txt")
    monkeypatch.setattr(Path, "read_bytes", refused)
    problem, file = walk(tmp_path)
    assert problem == Unreadable(str(tmp_path / ".gitignore"), "ignore file: permission denied")
    assert isinstance(file, SourceFile)


def test_ignore_file_that_is_a_folder_or_link(tmp_path: Path) -> None:
    make(tmp_path, ["a.txt", "rules"], rules="a.txt")
    (tmp_path / ".gitignore").symlink_to("rules")  # git does not follow it either
    (tmp_path / ".ignore").mkdir()
    assert names(tmp_path) == ["a.txt"]


class TestRepositories:
    """A source inside a repository: `git check-ignore` is the oracle."""

    @pytest.fixture
    def repository(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        if GIT is None:
            pytest.skip("git is not installed")
        for key in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_GLOBAL"):
            monkeypatch.delenv(key, raising=False)
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
        make(tmp_path, ["home/x.txt", "config/git/x.txt"])
        root = tmp_path / "repo"
        subprocess.run([GIT, "init", "-q", root], check=True)
        names = [
            "a.txt",
            "b.txt",
            "c.txt",
            "e.txt",
            "g.txt",
            "keep.txt",
            "deep/a.txt",
            "deep/k.txt",
        ]
        make(root, [f"docs/{n}" for n in names])
        rules(root, "a.txt\n/docs/deep/k.txt\n*.log\n!/docs/keep.txt\n")
        return root

    def check(self, root: Path, *source: str) -> list[str]:
        assert GIT is not None
        folder = root.joinpath(*source)
        every = names(folder, use_ignore=False)
        done = subprocess.run(
            [GIT, "check-ignore", "--no-index", "--stdin"],
            cwd=folder, input="\n".join(every), capture_output=True, text=True, check=False,
        )  # fmt: skip
        wanted = sorted(set(every) - set(done.stdout.split("\n")))
        assert names(folder) == wanted
        return wanted

    def test_rules_above_the_source(self, repository: Path) -> None:
        assert self.check(repository, "docs") == ["b.txt", "c.txt", "e.txt", "g.txt", "keep.txt"]
        rules(repository, "!a.txt\nb.txt\n", "docs")
        assert "a.txt" in self.check(repository, "docs")
        assert self.check(repository, "docs", "deep") == ["a.txt"]
        assert "docs/a.txt" in self.check(repository)

    def test_excludes_of_the_repository_and_of_the_user(self, repository: Path) -> None:
        assert GIT is not None
        (repository / ".git/info").mkdir(exist_ok=True)
        (repository / ".git/info/exclude").write_text("/docs/e.txt\nkeep.txt\n")
        default = repository.parent / "config/git/ignore"
        default.write_text("g.txt\n")
        assert self.check(repository, "docs") == ["b.txt", "c.txt", "keep.txt"]
        assert "docs/e.txt" not in self.check(repository)
        (repository.parent / "home/mine").write_text("c.txt\n")
        subprocess.run([GIT, "config", "--global", "core.excludesFile", "~/mine"], check=True)
        assert self.check(repository, "docs") == ["b.txt", "g.txt", "keep.txt"]

    def test_a_repository_inside_the_source(self, repository: Path) -> None:
        assert GIT is not None
        inner = repository.parent / "all" / "inner"
        subprocess.run([GIT, "init", "-q", inner], check=True)
        make(inner, ["x.txt", "y.txt", "d/x.txt"])
        (inner / ".git/info").mkdir(exist_ok=True)
        (inner / ".git/info/exclude").write_text("/x.txt\n")
        assert names(inner.parent) == ["inner/d/x.txt", "inner/y.txt"]
        assert names(inner.parent, use_ignore=False) == [
            "inner/d/x.txt", "inner/x.txt", "inner/y.txt"
        ]  # fmt: skip

    def test_a_source_that_is_ignored_was_named(self, repository: Path) -> None:
        rules(repository, "docs/\n")
        assert len(names(repository / "docs")) == 8
        assert names(repository) == []
