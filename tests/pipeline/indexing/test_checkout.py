"""`git checkout` in an indexed working tree: encodes what the branches differ in, and back again nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.pipeline.indexing.summary import IndexSummary
from qembed.store import Snapshot, text_hash
from qembed.store.manifest import PROBE_TEXTS
from tests.encoders import Bag
from tests.pipeline.conftest import documents, index

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
]

WHO = {
    **{f"GIT_{role}_NAME": "Ann" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "ann@example.org" for role in ("AUTHOR", "COMMITTER")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
PARAGRAPHS = [f"paragraph {i} " + f"word{i} " * 150 for i in range(10)]
CODE = "def first():\n    return 1\n\n\ndef second():\n    return {}\n"

A: dict[str, str] = {
    "long.txt": "\n\n".join(PARAGRAPHS),
    "guide.md": "# Guide\n\nThe way in.\n\n## Out\n\nThe way out.\n",
    "same.md": "# Same\n\nOn both branches.\n",
    "changed.txt": "what it says on A",
    "deleted.txt": "only on A",
    "old name.txt": "text that moves from one place to another",
    "src/code.py": CODE.format(2),
    "faq.jsonl": '{"_id": "q1", "text": "why"}\n{"_id": "q2", "text": "what for"}\n',
}
B: dict[str, str] = {
    **{n: t for n, t in A.items() if n not in ("deleted.txt", "old name.txt")},
    "long.txt": "\n\n".join([*PARAGRAPHS[:7], "something else " + "new " * 150, *PARAGRAPHS[8:]]),
    "changed.txt": "what it says on B, which is longer",
    "sub/new name.txt": A["old name.txt"],
    "added/deep/new.md": "# Added\n\nOnly on B.\n",
    "src/code.py": CODE.format(3),
    "faq.jsonl": '{"_id": "q1", "text": "why"}\n{"_id": "q3", "text": "who"}\n',
}


class Repository:
    """A git repository with a branch for each of some trees."""

    def __init__(self, folder: Path, **branches: dict[str, str]) -> None:
        self.folder = folder
        folder.mkdir()
        self("init", "-q")
        for name, files in branches.items():
            self("checkout", "-q", "--orphan", name)
            for old in [p for p in folder.iterdir() if p.name != ".git"]:
                shutil.rmtree(old) if old.is_dir() else old.unlink()
            for file, text in files.items():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_text(text)
            self("add", "-A")
            self("commit", "-q", "-m", name)

    def __call__(self, *args: str) -> None:
        subprocess.run(["git", *args], cwd=self.folder, env={**os.environ, **WHO}, check=True)

    def checkout(self, branch: str) -> None:
        self("checkout", "-q", branch)

    def files(self) -> list[Path]:
        return [p for p in self.folder.rglob("*") if p.is_file() and ".git" not in p.parts]


class Encoded:
    """The texts of passages that were given to the encoder since it was last asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._texts: list[str] = []
        encode = Bag.encode

        def counted(bag: Bag, texts: Sequence[str]) -> np.ndarray:
            self._texts += texts
            return encode(bag, texts)

        monkeypatch.setattr(Bag, "encode", counted)

    def take(self) -> list[str]:
        texts, self._texts = self._texts, []
        return sorted(t for t in texts if t not in PROBE_TEXTS)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> Encoded:
    return Encoded(monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "work", a=A, b=B)
    made.checkout("a")
    return made


def stored(root: Path) -> set[bytes]:
    """Hashes of the texts whose vectors are in the index, whether a document points at them or not."""
    with Snapshot.open(root) as snapshot:
        return {h.tobytes() for h in snapshot.text_hashes(snapshot.manifest.base)}


def refreshed(
    root: Path, repository: Repository, encoded: Encoded
) -> tuple[IndexSummary, list[str]]:
    """Refreshes; the index must equal one made from scratch, having encoded just what was not stored."""
    known = stored(root)
    encoded.take()
    done = index(root)
    texts = encoded.take()
    assert done.failed == []
    fresh = root.with_name(f"fresh-{len(list(root.parent.glob('fresh-*')))}")
    index(fresh, repository.folder)
    every = encoded.take()
    assert len(set(every)) == len(every)
    assert texts == [t for t in every if text_hash(t) not in known]
    assert done.passages["encoded"] == len(texts)
    assert documents(root) == documents(fresh)
    with Snapshot.open(root) as ours, Snapshot.open(fresh) as theirs:
        assert ours.manifest.counts == theirs.manifest.counts
    encoded.take()
    return done, texts


def test_another_branch_and_back(tmp_path: Path, repository: Repository, encoded: Encoded) -> None:
    root = tmp_path / "idx"
    first = index(root, repository.folder)
    assert first.passages["encoded"] == len(set(encoded.take())) >= 18
    on_a = documents(root)
    assert set(on_a) == {*(A.keys() - {"faq.jsonl"}), "q1", "q2"}

    repository.checkout("b")
    there, texts = refreshed(root, repository, encoded)
    assert there.documents == {
        "added": 2, "changed": 3, "moved": 1, "unchanged": 3, "deleted": 2, "failed": 0,
    }  # fmt: skip
    on_b = documents(root)
    assert set(on_b) == {*(B.keys() - {"faq.jsonl"}), "q1", "q3"}
    for new in ("who", "Only on B.", "what it says on B", "something else new", "return 3"):
        assert sum(new in t for t in texts) == 1, new
    assert not [t for t in texts if t.startswith("paragraph")]

    repository.checkout("a")
    back, texts = refreshed(root, repository, encoded)
    assert texts == []
    assert back.passages["reused"] > 0
    assert documents(root) == on_a

    repository.checkout("b")
    assert refreshed(root, repository, encoded)[1] == []
    assert documents(root) == on_b
    still, texts = refreshed(root, repository, encoded)
    assert texts == []
    assert still.documents["unchanged"] == len(on_b)


@pytest.mark.parametrize("clock", ["exact", "coarse"])
def test_branches_of_one_size_within_a_second(
    tmp_path: Path, encoded: Encoded, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    """`coarse`: times are of whole seconds, as on some file systems, and all of this happens in one."""
    files = {"a.txt": "yes", "b.md": "# Head\n\none\n", "sub/c.txt": "alpha", "d.txt": "same"}
    other = {"a.txt": "noo", "b.md": "# Head\n\ntwo\n", "sub/c.txt": "gamma", "d.txt": "same"}
    repository = Repository(tmp_path / "work", a=files, b=other)
    root = tmp_path / "idx"
    second = time.time_ns() // 10**9 * 10**9
    if clock == "coarse":
        monkeypatch.setattr(time, "time_ns", lambda: second + 5 * 10**8)
    wanted = {"a": {"yes", "alpha", "same"}, "b": {"noo", "gamma", "same"}}
    for round_, branch in enumerate("abab"):
        repository.checkout(branch)
        if clock == "coarse":
            for path in repository.files():
                os.utime(path, ns=(second, second))
        if round_ == 0:
            index(root, repository.folder)
            continue
        done, texts = refreshed(root, repository, encoded)
        assert done.documents["changed"] == 3
        assert len(texts) == (3 if round_ == 1 else 0)
        found = {text for _, passages in documents(root).values() for _, _, text in passages}
        assert wanted[branch] <= found


def test_after_what_no_document_points_at_was_dropped(
    tmp_path: Path, repository: Repository, encoded: Encoded
) -> None:
    """Made anew on B, an index has nothing of A's left: going back encodes what A has alone, and says so."""
    root = tmp_path / "idx"
    index(root, repository.folder)
    repository.checkout("b")
    index(root, rebuild=True)
    repository.checkout("a")
    done, texts = refreshed(root, repository, encoded)
    assert done.passages["encoded"] == len(texts) > 0
    assert [t for t in texts if t == "only on A"]
    assert not [t for t in texts if "On both branches" in t]


OPENED: list[str] | None = None
"""What was opened or listed, while somebody wants to know."""


def _heard(event: str, args: tuple[Any, ...]) -> None:
    if OPENED is not None and event in ("open", "os.scandir", "os.listdir"):
        OPENED.append(os.fsdecode(args[0]) if isinstance(args[0], (str, bytes)) else "")


def test_git_s_own_folder_is_never_read(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what a linked working tree has in its place, a file `.git`; whatever the options say."""
    (repository.folder / ".git" / "secret.md").write_text("# Secret")
    repository("worktree", "add", "-q", str(repository.folder / "linked"), "b")
    assert (repository.folder / "linked" / ".git").is_file()
    sys.addaudithook(_heard)  # for good: an audit hook cannot be removed
    monkeypatch.setattr(sys.modules[__name__], "OPENED", heard := [])
    from qembed.store import Source

    for at, source in enumerate(
        (Source(""), Source("", use_ignore=False), Source("", include=("**/*.md", ".git/**")))
    ):
        root = tmp_path / f"idx{at}"
        index(root, repository.folder, source=source)
        assert "same.md" in documents(root)
        assert not [name for name in documents(root) if ".git" in name]
    assert [p for p in heard if p.endswith("same.md")], "nothing was heard"
    inside = {p for p in heard if ".git" in Path(p).parts}
    # where the repository's own excludes are, and what leads there from a linked working tree
    ends = ("/info/exclude", "linked/.git", "/commondir")
    assert not [p for p in inside if not p.endswith(ends)]
