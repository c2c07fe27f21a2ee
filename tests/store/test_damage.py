"""Files of an index that are damaged, missing or of a later format are named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from qembed.errors import IndexDamaged, NoIndex
from qembed.store import Snapshot
from qembed.store import manifest as manifests
from tests.store.helpers import A, contents, files, make


class TestDamage:
    def test_no_index(self, tmp_path: Path) -> None:
        with pytest.raises(NoIndex, match="qembed index PATH"):
            Snapshot.open(tmp_path)

    @pytest.mark.parametrize("how", ["truncated", "edited", "empty", "no json", "binary"])
    def test_a_manifest_that_cannot_be_believed(self, tmp_path: Path, how: str) -> None:
        root = tmp_path / "idx"
        make(root, A)
        path = root / "manifest.json"
        raw = path.read_bytes()
        path.write_bytes(
            {
                "truncated": raw[:-40],
                "edited": raw.replace(b'"next_row": 3', b'"next_row": 2'),
                "empty": b"",
                "no json": b"[1, 2]",
                "binary": bytes(range(256)),
            }[how]
        )
        with pytest.raises(IndexDamaged, match=r"manifest\.json is damaged"):
            Snapshot.open(root)

    def test_a_later_format(self, tmp_path: Path) -> None:
        import zlib

        root = tmp_path / "idx"
        make(root, A)
        body = json.loads((root / "manifest.json").read_text())
        del body["crc"]
        body["format"] = 99
        body["crc"] = zlib.crc32(manifests._dump(body).encode())
        (root / "manifest.json").write_text(json.dumps(body))
        with pytest.raises(IndexDamaged, match="format 99"):
            Snapshot.open(root)

    def test_a_missing_shard_is_named(self, tmp_path: Path) -> None:
        root = tmp_path / "idx"
        make(root, A)
        shard = next((root / "shards").iterdir())
        shard.unlink()
        with pytest.raises(IndexDamaged, match=shard.name):
            Snapshot.open(root)

    @pytest.mark.parametrize("what", ["shards", "documents"])
    def test_a_truncated_file_is_named(self, tmp_path: Path, what: str) -> None:
        root = tmp_path / "idx"
        make(root, A)
        path = next(p for p in files(root) if p.startswith(what))
        os.truncate(root / path, 50)
        with pytest.raises(IndexDamaged, match=path):
            contents(root)
