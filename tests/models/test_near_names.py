"""Names of models that are suggested for one that is none, or cannot be fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.errors import UsageError
from qembed.models import open_model
from qembed.models.builtin.registry import BUILTIN
from qembed.models.rerankers.spec import reranker_spec
from qembed.models.spec import encoder_spec, near_names, own_name, parse_spec


@pytest.mark.parametrize(
    ("spec", "kind", "near"),
    [
        ("mini-lm", "encoder", "minilm"),
        ("all-MiniLM-L12-v2", "encoder", "minilm"),
        ("bge_small", "encoder", "bge-small"),
        ("e5-small", "encoder", "multilingual"),
        ("minilm-l6", "reranker", "minilm-l12"),
        ("sentence-transformers/all-MiniLM-L6", "", "minilm"),
    ],
)
def test_names_near_to_one_that_is_none(spec: str, kind: str, near: str) -> None:
    found = near_names(spec, kind)
    assert found[0] == near
    assert len(found) <= 3
    if "/" not in spec:
        refused = reranker_spec if kind == "reranker" else encoder_spec
        with pytest.raises(UsageError, match=f"did you mean {near}"):
            refused(spec)


@pytest.mark.parametrize("text", ["", "nope", "org/xyz", "./nowhere"])
def test_nothing_is_near_to_nonsense(text: str) -> None:
    assert near_names(text) == []


def test_a_listed_name_of_a_built_in_model_is_that_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_spec("all-MiniLM") == parse_spec("all-minilm") == parse_spec("minilm")
    names = ["all-MiniLM", "minilm", "BAAI/bge-m3", "auto", "bge-en"]
    assert [own_name(n) for n in names] == ["minilm", *names[1:]]
    assert open_model("all-MiniLM").revision == open_model("minilm").revision
    assert parse_spec("all-MiniLM-L6-v2").kind == parse_spec("all-MiniLM@main").kind == "hub"
    (tmp_path / "all-MiniLM").mkdir()
    assert parse_spec("all-MiniLM").kind == "folder"


def test_the_hub_id_of_an_index_s_built_in_model_names_it() -> None:
    for name in ("minilm", "bge-small", "multilingual"):
        hub = BUILTIN[name].hub
        assert own_name(hub, name) == own_name(hub.lower(), name) == name
        assert own_name(f"{hub}@main", name) == f"{hub}@main", "files of a revision, not ours"
        assert own_name(hub) == own_name(hub, "minilm-l12") == hub
    assert own_name("all-MiniLM-L6-v2", "minilm") == own_name("all-MiniLM", "minilm") == "minilm"
