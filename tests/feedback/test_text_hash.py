"""Hashes of texts: one key an index."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from qembed.feedback.text_hash import hash_text, is_hashed, make_key, read_key


def test_equal_texts_are_equal_in_one_index_only(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert read_key(tmp_path / "a") is None
    key, other = make_key(tmp_path / "a"), make_key(tmp_path / "b")
    assert make_key(tmp_path / "a") == key == read_key(tmp_path / "a")
    assert hash_text("money", key) == hash_text("money", key) != hash_text("Money", key)
    assert hash_text("money", key) != hash_text("money", other)
    assert is_hashed(hash_text("\ud800", key))
    assert not is_hashed("money")
    assert (tmp_path / "a/feedback/key").stat().st_mode & 0o777 == 0o600


def test_of_keys_made_at_once_one_counts(tmp_path: Path) -> None:
    found: set[bytes] = set()
    threads = [threading.Thread(target=lambda: found.add(make_key(tmp_path))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 1
    assert [p.name for p in (tmp_path / "feedback").iterdir()] == ["key"]


def test_a_damaged_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "feedback").mkdir()
    (tmp_path / "feedback/key").write_bytes(b"short")
    with pytest.raises(OSError, match="is damaged"):
        make_key(tmp_path)
