"""Files of JSON lines: values in their order, every mistake by its line, nothing for an empty file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import InputError
from qembed.training.json_lines import read_json_lines, words_of


def parse(body: Any, number: int) -> tuple[int, str]:
    return number, words_of(body, "text")


@settings(deadline=None)
@given(st.lists(st.none() | st.text(min_size=1).filter(str.strip)))
def test_values_with_their_lines(
    tmp_path_factory: pytest.TempPathFactory, texts: list[Any]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    lines = ["" if t is None else json.dumps({"text": t}, ensure_ascii=True) for t in texts]
    path.write_text("\n".join(lines), "utf-8")
    wanted = [(n, t) for n, t in enumerate(texts, 1) if t is not None]
    if wanted:
        assert read_json_lines(path, parse, "texts") == wanted
    else:
        with pytest.raises(InputError, match="holds no texts"):
            read_json_lines(path, parse, "texts")
        assert read_json_lines(path, parse) == []


def test_all_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n{"text": " "}\n{\n[1]\n{}\n7\n{"text": {}}')
    with pytest.raises(InputError) as caught:
        read_json_lines(path, parse, "texts")
    told = [p.removeprefix(f"{path}:") for p in caught.value.problems]
    assert [t.split(":")[0] for t in told] == ["2", "3", "4", "5", "6", "7"]
    assert told[3] == "5: 'text' is missing"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_json_lines(tmp_path / "none", parse, "texts")
    (tmp_path / "latin").write_bytes(b'{"text": "\xe9"}')
    with pytest.raises(InputError, match="cannot read"):
        read_json_lines(tmp_path / "latin", parse, "texts")
