"""Digests of model files are cached where there is a home for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.models.checksums import file_sha256


def test_a_home_that_does_not_exist_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"some")
    home = tmp_path / "home"
    monkeypatch.delenv("QEMBED_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(home))
    digest = file_sha256(file)
    assert not home.exists()
    home.mkdir()
    assert file_sha256(file) == digest
    assert len(list(home.rglob("sha256/*"))) == 1
    home_less = tmp_path / "named"
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    monkeypatch.setenv("QEMBED_CACHE", str(home_less))
    assert file_sha256(file) == digest
    assert len(list(home_less.rglob("sha256/*"))) == 1
