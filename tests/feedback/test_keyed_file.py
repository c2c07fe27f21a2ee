from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.feedback.keyed_file import KeyedFile, keyed_content, replace_keyed_file

TEXTS = st.text(max_size=20) | st.sampled_from(["a\tb", "a\nb", '"', "\\", "\ud800", "a", "ab"])


@given(
    st.dictionaries(TEXTS, st.dictionaries(TEXTS, st.integers() | TEXTS, max_size=3), max_size=8)
)
@pytest.mark.slow
def test_every_entry_is_found_and_no_other(entries: dict[str, dict[str, Any]]) -> None:
    found = KeyedFile(keyed_content({"kind": "k"}, entries.items()))
    assert dict(found.entries()) == entries
    assert {key: found.entry(key) for key in entries} == entries
    for other in ("a", "b", "ab", "", "\t", '"a"'):
        assert found.entry(other) == entries.get(other)


@given(st.binary(max_size=60))
def test_what_is_no_such_file_is_empty(data: bytes) -> None:
    found = KeyedFile(data)
    assert found.header is None or data.startswith(b"{")
    assert found.header is not None or list(found.entries()) == []
    assert found.entry("a") is None or b'\n"a"\t' in data


def test_a_torn_file_and_one_of_another_version_are_empty() -> None:
    whole = keyed_content({}, [("a", {"b": 1})])
    assert KeyedFile(whole).entry("a") == {"b": 1}
    for torn in (
        whole[:-1],
        whole[:5],
        whole[: whole.index(b"\n") + 1],
        whole.replace(b'"v":2', b'"v":3'),
        b"[]\n",
    ):
        assert KeyedFile(torn).header is None
        assert KeyedFile(torn).entry("a") is None


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.jsonl"
    replace_keyed_file(path, keyed_content({"n": 1}, []))

    def fail(*_: object) -> None:
        raise OSError("full")

    with monkeypatch.context() as m:
        m.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="full"):
            replace_keyed_file(path, keyed_content({"n": 2}, []))
    assert KeyedFile.read(path).header == {"v": 2, "entries": 0, "bytes": 0, "n": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["f.jsonl"]
    assert path.stat().st_mode & 0o777 == 0o600
