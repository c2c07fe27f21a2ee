"""The lexical index's files: commits, killed writers, readers beside them, damage."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qembed.search.lexical.bm25 import LexicalIndex
from qembed.search.lexical.files import LexicalIndexDamaged, check
from qembed.search.lexical.writer import LexicalWriter
from tests.search.lexical.indexes import WORDS, build


class TestWriting:
    def test_an_index_without_passages(self, tmp_path: Path) -> None:
        index = build(tmp_path / "i", [])
        assert len(index) == 0
        assert len(index.search("apple", 5)[0]) == 0
        assert index.coverage("apple").share == 0

    def test_what_was_not_committed_was_not_written(self, tmp_path: Path) -> None:
        build(tmp_path / "i", ["apple"])
        with LexicalWriter(tmp_path / "i", 1) as writer:
            writer.add([1], [""], ["apple"])
        assert len(LexicalIndex.open(tmp_path / "i", sums=True)) == 1

    def test_what_lies_beyond_the_stamp_is_taken_out(self, tmp_path: Path) -> None:
        """A writer died after its commit and before the stamp: its rows come again, maybe others."""
        build(tmp_path / "i", ["apple", "pie", "pie"])
        with LexicalWriter(tmp_path / "i", 1) as writer:
            writer.add([1], [""], ["tree"])
            writer.commit()
        index = LexicalIndex.open(tmp_path / "i", sums=True)
        assert len(index) == 2
        assert index.search("pie", 5)[0].tolist() == []
        assert index.search("tree", 5)[0].tolist() == [1]

    @pytest.mark.slow
    def test_a_reader_keeps_what_it_opened_and_another_sees_the_new(self, tmp_path: Path) -> None:
        old = build(tmp_path / "i", ["apple"])
        for row in range(1, 20):  # enough commits for segments to be merged and old files to go
            with LexicalWriter(tmp_path / "i", row) as writer:
                writer.add([row], [""], ["apple"])
                writer.commit()
            assert len(LexicalIndex.open(tmp_path / "i", sums=True)) == row + 1
        assert old.search("apple", 99)[0].tolist() == [0]
        assert len(list((tmp_path / "i").iterdir())) < 20 * 6
        assert LexicalIndex.open(tmp_path / "i").search("apple", 99, upto=5)[0].tolist() == [
            0,
            1,
            2,
            3,
            4,
        ]

    def test_a_killed_writer_leaves_the_last_commit(self, tmp_path: Path) -> None:
        build(tmp_path / "i", ["apple"])
        code = (
            "import os, sys; from pathlib import Path\n"
            "from qembed.search.lexical.writer import LexicalWriter\n"
            "w = LexicalWriter(Path(sys.argv[1]), 1)\n"
            "w.add(range(1, 3000), [''] * 2999, ['pie tree'] * 2999)\n"
            "os.kill(os.getpid(), 9)\n"
        )
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "i")], check=False)
        assert len(LexicalIndex.open(tmp_path / "i", sums=True)) == 1
        with LexicalWriter(tmp_path / "i", 1) as writer:  # nor does it leave a lock
            writer.add([1], [""], ["pie"])
            writer.commit()
        assert len(LexicalIndex.open(tmp_path / "i", sums=True)) == 2

    def test_others_may_read_it(self, tmp_path: Path) -> None:
        build(tmp_path / "i", ["apple"])
        for file in (tmp_path / "i").iterdir():
            if "lock" not in file.name:
                assert file.stat().st_mode & 0o444 == (tmp_path / "i").stat().st_mode & 0o444, file


class TestReadOnly:
    def test_a_folder_nobody_may_write_to(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(tmp_path / "made", ["apple", "pie"])
        shutil.copytree(
            tmp_path / "made", tmp_path / "i", ignore=shutil.ignore_patterns(".tantivy*")
        )
        before = sorted(p.name for p in (tmp_path / "i").iterdir())
        # root may write anywhere, so the question is answered for the test
        monkeypatch.setattr(os, "access", lambda *_: False)
        index = LexicalIndex.open(tmp_path / "i", sums=True)
        assert index.search("pie", 3)[0].tolist() == [1]
        assert sorted(p.name for p in (tmp_path / "i").iterdir()) == before


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damage") / "i"
    build(folder, [f"apple {w} tree" for w in WORDS * 20])
    return folder


class TestDamage:
    def test_every_cut_off_or_missing_file_is_noticed_at_opening(
        self, whole: Path, tmp_path: Path
    ) -> None:
        names = [p.name for p in whole.iterdir() if not p.name.startswith(".")]
        assert len(names) == 7
        for name in names:
            for cut in (0, 2, 0.5, None):
                folder = tmp_path / f"{name}-{cut}"
                shutil.copytree(whole, folder)
                data = (whole / name).read_bytes()
                if cut is None:
                    (folder / name).unlink()
                else:
                    keep = len(data) - cut if isinstance(cut, int) and cut else int(len(data) * cut)
                    (folder / name).write_bytes(data[:keep])
                with pytest.raises(LexicalIndexDamaged):
                    LexicalIndex.open(folder)

    def test_every_altered_byte_of_a_segment_is_noticed_by_the_sums(
        self, whole: Path, tmp_path: Path
    ) -> None:
        check(whole)
        folder = tmp_path / "i"
        shutil.copytree(whole, folder)
        for file in folder.iterdir():
            if file.name.startswith(".") or file.name == "meta.json":
                continue
            data = file.read_bytes()
            body = data.rindex(b'{"version"')
            for at in {0, body // 2, body - 1}:
                file.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
                with pytest.raises(LexicalIndexDamaged):
                    check(folder)
            file.write_bytes(data)
        check(folder)

    @pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"segments": 3}', b"\xff\xfe"])
    def test_a_table_of_contents_that_is_none(
        self, whole: Path, tmp_path: Path, content: bytes
    ) -> None:
        shutil.copytree(whole, tmp_path / "i")
        (tmp_path / "i" / "meta.json").write_bytes(content)
        with pytest.raises(LexicalIndexDamaged):
            LexicalIndex.open(tmp_path / "i")

    def test_no_index_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(LexicalIndexDamaged, match="no lexical index"):
            LexicalIndex.open(tmp_path / "nowhere")
