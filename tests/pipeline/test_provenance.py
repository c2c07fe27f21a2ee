"""Date, commit and index of a report."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qembed.pipeline.provenance.checkout import git_state
from qembed.pipeline.provenance.provenance import provenance


def git(folder: Path, *args: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *args], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "a.md").write_text("a")
    git(folder, "add", "a.md")
    git(folder, "commit", "-qm", "one")
    return folder


def test_the_commit_and_whether_tracked_files_differ(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    (checkout / "untracked").write_text("x")
    assert git_state(checkout) == (head, False)
    (checkout / "a.md").write_text("b")
    assert git_state(checkout) == (head, True)


def test_outside_a_checkout_without_commit_and_without_git(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path) == (None, None)
    assert git_state(tmp_path / "nowhere") == (None, None)
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    assert git_state(empty) == (None, None)
    monkeypatch.setenv("PATH", str(empty))
    assert git_state(checkout) == (None, None)


def test_the_index_names_the_checkout_then_the_current_folder(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    head = git(checkout, "rev-parse", "HEAD")
    monkeypatch.chdir(tmp_path)
    found = provenance(checkout / ".qembed", 7)
    assert (found["commit"], found["dirty"]) == (head, False)
    assert (found["index"], found["generation"]) == ("checkout/.qembed", 7)
    made = datetime.fromisoformat(found["date"])
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=1)
    monkeypatch.chdir(checkout)
    elsewhere = provenance(tmp_path / "cache" / ".qembed", 1)
    assert elsewhere["commit"] == head
    assert elsewhere["index"] == str(tmp_path / "cache" / ".qembed")
    assert provenance(None, None)["index"] is None
