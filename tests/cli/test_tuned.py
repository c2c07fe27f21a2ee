"""Commands on an index with settings that `tune` chose: who uses them, and what puts them aside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import qembed
from qembed.pipeline.retrieval.tuned_setting import apply_choice, take_back
from qembed.store import manifest as manifests
from tests.cli.conftest import BAG, Shell

TEXTS = {"a": "green tea", "b": "black tea tea milk", "c": "coffee with milk", "d": "a train home"}


@pytest.fixture
def tuned(tmp_path: Path) -> Shell:
    """An index whose default mode is lexical, with `mean:2` as the documents' score."""
    shell = Shell(tmp_path / "w")
    shell.folder.mkdir()
    with (shell.folder / "m.jsonl").open("w") as f:
        for name, text in TEXTS.items():
            f.write(json.dumps({"_id": name, "text": text}) + "\n")
    assert shell("index", "m.jsonl", "--model", BAG).code == 0
    choose(shell, {"mode": "lexical", "document_score": "mean:2"})
    return shell


def choose(shell: Shell, options: dict[str, object]) -> None:
    root = shell.folder / ".qembed"
    manifest = manifests.read(root)
    gain = {"measure": "nDCG@10", "new": {"mean": 0.02}}
    assert apply_choice(root, (manifest.uid, manifest.generation), options, gain, {})
    assert manifests.read(root).generation == manifest.generation + 1


def found(shell: Shell, *args: str) -> list[str]:
    done = shell("query", "milk", *args, "--format", "jsonl", "--no-server")
    assert done.code == 0, done.err
    return [line["document"] for line in done.lines]


def test_query_uses_it_and_an_option_does_not(tuned: Shell) -> None:
    assert set(found(tuned)) == {"b", "c"}  # by words alone
    assert len(found(tuned, "--mode", "dense")) == 4
    assert len(found(tuned, "--mode", "auto")) == 4  # the default's value, and asked for
    assert len(found(tuned, "--untuned")) == 4


def test_a_chosen_reranker_scores_the_candidates(tuned: Shell) -> None:
    """`--candidates` has an effect where `tune` chose a reranker, and only there."""
    assert "--candidates: no effect" in tuned("query", "milk", "--candidates", "3").err
    choose(tuned, {"rerank": "late"})
    assert "no effect" not in tuned("query", "milk", "--candidates", "3").err


def test_it_says_so(tuned: Shell) -> None:
    done = tuned("query", "milk", "--format", "json", "--explain", "--no-server")
    assert done.json["tuned"] == {"mode": "lexical", "document_score": "mean:2"}
    assert "tuned (--untuned leaves it out): mode lexical, document score mean:2" in done.err
    assert tuned("query", "milk", "--untuned", "--format", "json").json["tuned"] == {}
    assert "tuned" not in tuned("query", "milk", "--untuned", "--explain").err
    status = tuned("status")
    assert "mode lexical, document score mean:2" in status.out
    assert "nDCG@10 +0.020 expected" in status.out
    assert tuned("status", "--format", "json").json["tuned"]["options"]["mode"] == "lexical"


def test_eval_measures_what_users_get(tuned: Shell) -> None:
    (tuned.folder / "q.jsonl").write_text('{"_id": "1", "text": "milk"}\n')
    (tuned.folder / "r.tsv").write_text("1\tb\t1\n1\ta\t1\n")
    files = ("eval", "--queries", "q.jsonl", "--qrels", "r.tsv", "--format", "json")
    settings = tuned(*files).json["settings"]
    assert settings["mode"] == "lexical"
    assert settings["tuned"] == {"mode": "lexical", "document_score": "mean:2"}
    other = tuned(*files, "--mode", "dense").json["settings"]
    assert other["mode"] == "dense"
    assert other["tuned"] == {"document_score": "mean:2"}
    assert tuned(*files, "--untuned").json["settings"]["tuned"] is None


def test_a_refresh_keeps_it_and_another_model_drops_it(tuned: Shell) -> None:
    (tuned.folder / "more.jsonl").write_text('{"_id": "e", "text": "milk milk"}\n')
    assert tuned("index", "more.jsonl").code == 0
    assert set(found(tuned)) == {"b", "c", "e"}
    assert tuned("index", "--rebuild").code == 0
    assert set(found(tuned)) == {"b", "c", "e"}
    done = tuned("index", "--rebuild", "--model", "py:tests.encoders:other")
    assert done.code == 0
    assert "what qembed tune chose was for the model before, and is dropped" in done.err
    assert len(found(tuned)) == 5


def test_taking_it_back(tuned: Shell) -> None:
    root = tuned.folder / ".qembed"
    chosen = take_back(root)
    assert chosen is not None
    assert chosen["options"]["mode"] == "lexical"
    assert take_back(root) is None
    assert len(found(tuned)) == 4
    assert tuned("verify").code == 0


def test_nothing_is_written_to_an_index_made_anew(tuned: Shell) -> None:
    root = tuned.folder / ".qembed"
    before = manifests.read(root)
    assert not apply_choice(root, ("another", before.generation), {}, {}, {})
    assert manifests.read(root) == before


def test_rerank_takes_the_reranker(tuned: Shell) -> None:
    spec = "py:qembed.testing:reranker"
    choose(tuned, {"rerank": spec, "candidates": 2})
    done = tuned("query", "milk", "--format", "jsonl", "--explain", "--no-server")
    assert f"rerank: {spec}" in done.err
    assert "2 of 2 pairs" in done.err
    hits = tuned("query", "milk", "--untuned", "--format", "jsonl").out
    assert f"rerank: {spec}" in tuned("rerank", "--explain", stdin=hits).err
    assert "rerank: late" in tuned("rerank", "--explain", "--untuned", stdin=hits).err
    assert "rerank: late" in tuned("rerank", "--explain", "--model", "late", stdin=hits).err


def test_config_names_its_origin_and_no_key(tuned: Shell) -> None:
    done = tuned("config", "--format", "json", QEMBED_CHAT_API_KEY="secret-key")
    assert "secret-key" not in done.out
    rows = {s["name"]: s for s in done.json["settings"]}
    assert rows["query.mode"]["value"] == "lexical"
    assert rows["query.mode"]["from"] == "index"
    assert rows["query.mode"]["note"] == "chosen by qembed tune"


def test_from_python(tuned: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in tuned.env().items():
        monkeypatch.setenv(name, value)
    with qembed.open(tuned.folder / ".qembed") as index:
        assert {h.document for h in index.query("milk")} == {"b", "c"}
        assert len(index.query("milk", mode="dense")) == 4
        assert len(index.query("milk", tuned=False)) == 4


def test_config_tells_where_a_project_comes_before_it(tuned: Shell) -> None:
    choose(tuned, {"rerank": "late", "mode": "hybrid"})
    tuned.write(".qembed.toml", 'rerank = "none"\n')
    rows = {s["name"]: s for s in tuned("config", "--format", "json").json["settings"]}
    assert rows["rerank"]["value"] == "none"
    assert rows["query.mode"]["note"] == "chosen by qembed tune"
    note = rows["query.rerank"]["note"]
    assert note.startswith("chosen by qembed tune; does not hold: ")
    assert note.endswith("/.qembed.toml:1")
