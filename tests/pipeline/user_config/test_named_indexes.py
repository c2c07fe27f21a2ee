"""Names of indexes: kept whole, whoever writes at the same time, and found where an index is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qembed.errors import IndexLocked, StorageError, UsageError
from qembed.locks import FileLock
from qembed.pipeline.locate import find_index
from qembed.pipeline.user_config import json_file
from qembed.pipeline.user_config.named_indexes import (
    add_name,
    name_of,
    named_indexes,
    remove_name,
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QEMBED_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("QEMBED_INDEX", raising=False)
    return tmp_path / "config"


def test_names_are_kept(config: Path, tmp_path: Path) -> None:
    assert named_indexes() == {}
    add_name("work", tmp_path / "w")
    add_name("notes", tmp_path / "n\udce9")
    add_name("work", tmp_path / "w")
    assert named_indexes() == {"notes": tmp_path / "n\udce9", "work": tmp_path / "w"}
    assert json.loads((config / "indexes.json").read_bytes())["schema"] == 1
    assert oct((config / "indexes.json").stat().st_mode & 0o777) == "0o600"
    assert remove_name("work") == tmp_path / "w"
    assert list(named_indexes()) == ["notes"]
    assert sorted(p.name for p in config.iterdir()) == ["indexes.json", "lock"]


def test_what_cannot_be(config: Path, tmp_path: Path) -> None:
    add_name("work", tmp_path / "w")
    with pytest.raises(UsageError, match=r"work is the name of .*/w \(qembed indexes remove work"):
        add_name("work", tmp_path / "other")
    for name in ("", "a/b", "..", "-x", "x" * 65, "a b"):
        with pytest.raises(UsageError, match="a name has letters"):
            add_name(name, tmp_path)
    with pytest.raises(UsageError, match=r"no index is named nix \(known: work\)"):
        remove_name("nix")
    assert named_indexes() == {"work": tmp_path / "w"}


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 9}'])
def test_a_damaged_file_is_told_and_left(config: Path, tmp_path: Path, text: str) -> None:
    config.mkdir()
    (config / "indexes.json").write_text(text)
    with pytest.raises(UsageError, match=r"indexes.json: .*mend it, or delete it"):
        named_indexes()
    with pytest.raises(UsageError, match="mend it"):
        add_name("work", tmp_path)
    assert (config / "indexes.json").read_text() == text


def test_two_writers_lose_no_name(config: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from qembed.pipeline.user_config.named_indexes import add_name\n"
        "for i in range(20): add_name(f'{sys.argv[1]}{i}', Path('/x'))\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", program, name]) for name in "ab"]
    assert [p.wait(60) for p in both] == [0, 0]
    assert len(named_indexes()) == 40


def test_a_lock_that_is_held_is_told(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_file, "WAIT_SECONDS", 0.0)
    config.mkdir()
    with FileLock(config / "lock"), pytest.raises(IndexLocked, match=rf"process {os.getpid()} is"):
        add_name("work", Path("/x"))


def test_a_folder_that_cannot_be_made_is_told(config: Path) -> None:
    config.write_text("a file")
    with pytest.raises(StorageError, match=r"cannot write .*\$QEMBED_CONFIG may name another"):
        add_name("work", Path("/x"))
    assert named_indexes() == {}


def test_an_index_is_found_by_its_name(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "far" / ".qembed"
    root.mkdir(parents=True)
    (root / "manifest.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert find_index(Path("work")) == tmp_path / "work"
    add_name("work", root)
    assert find_index(Path("work")) == root
    monkeypatch.setenv("QEMBED_INDEX", "work")
    assert find_index() == root
    assert name_of(root) == "work"
    # a folder with an index comes first
    (tmp_path / "work").mkdir()
    assert find_index() == root
    (tmp_path / "work" / "manifest.json").write_text("{}")
    assert find_index() == tmp_path / "work"
    assert name_of(tmp_path / "other" / ".qembed") == "other"
    assert name_of(tmp_path / "plain") == "plain"
