"""`qembed update-model` on a tiny model: training on the new alone forgets the old, and a gate stops it."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from qembed.store.manifest import read
from tests.cli.conftest import Shell
from tests.options import replaced
from tests.training.planted import TOPICS

pytestmark = pytest.mark.slow
FAST = ("--lr", "2e-3", "--freeze", "-1", "--epochs", "6", "--since", "2025-01-01")


def documents(day: str, shift: int, marks: tuple[str, str], n: int = 110) -> list[dict[str, str]]:
    """Documents of three words, their titles in the words that ask for them, which lie `shift` places on."""
    triples = [
        (a, b, c) for a in range(8) for b in range(8) for c in range(8) if len({a, b, c}) == 3
    ]
    chosen = random.Random(day).sample(triples, n)
    asked, told = marks
    return [
        {
            "_id": f"{day}-{i}",
            "title": " ".join([asked, *(TOPICS[t] for t in triple)]).strip(),
            "text": " ".join([told, *(TOPICS[8 + (t + shift) % 8] for t in triple)]).strip(),
            "date": day,
        }
        for i, triple in enumerate(chosen)
    ]


def env(cache: Path) -> dict[str, str]:
    return {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}


@pytest.fixture(scope="module")
def shell(teachable: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Shell:
    """An index of old and new documents by a model that was trained on the old ones."""
    made = Shell(tmp_path_factory.mktemp("update"))
    old, new = documents("2024-06-01", 0, ("", "")), documents("2025-06-01", 3, ("1", "2"))

    def lines(found: list[dict[str, str]]) -> str:
        return "".join(f"{json.dumps(d)}\n" for d in found)

    made.write("old/a.jsonl", lines(old))
    assert made("index", "old", "--model", str(teachable), "-q", **env(cache)).code == 0
    fast = ("--lr", "2e-3", "--freeze", "-1", "--epochs", "6", "--anyway")
    done = made(
        "train", "adapt", "--generate", "corpus", *fast, "--out", "base", "-q", **env(cache)
    )
    assert done.code == 0, done.err
    shutil.rmtree(made.folder / ".qembed")
    made.write("all/a.jsonl", lines([*old, *new]))
    assert made("index", "all", "--model", "./base", "-q", **env(cache)).code == 0
    return made


def test_the_new_alone_forgets_the_old_and_a_gate_stops_it(shell: Shell, cache: Path) -> None:
    args = (*FAST, "--whatever", "--replay", "0", "--out", "alone", "--format", "json")
    done = shell("update-model", *args, **env(cache))
    assert done.code == 3
    body = done.json
    assert body["stopped_at"] == "judgment"
    assert [s["step"] for s in body["steps"]] == ["verdict", "material", "training", "judgment"]
    assert body["verdict"]["new"]["gain"] > 0.3
    assert body["verdict"]["old"]["gain"] < -0.3
    assert body["steps"][-1]["said"].endswith("worse on old")
    assert "stopped at judgment: the index is as it was" in done.err
    assert not body["updated"]
    assert read(shell.folder / ".qembed").spec.endswith("base")


def test_replay_keeps_the_old_and_the_index_is_made_anew(shell: Shell, cache: Path) -> None:
    before = read(shell.folder / ".qembed").generation
    done = shell("update-model", *FAST, "--out", "mixed", "--format", "json", **env(cache))
    assert done.code == 0, done.err
    body = done.json
    assert body["updated"]
    assert body["drift"]["verdict"] == "confirm"
    assert body["verdict"]["new"]["gain"] > 0.15
    assert body["verdict"]["old"]["gain"] > -0.05
    present = read(shell.folder / ".qembed")
    assert present.generation == body["generation"] > before
    assert present.spec.endswith("mixed")
    assert present.counts["documents"] == 220
    hits = shell("query", "1 fox dog lazy", "--format", "paths", "-q", **env(cache))
    assert hits.code == 0, hits.err
    assert len((shell.folder / "mixed.made.jsonl").read_text().splitlines()) == 154


def judged(shell: Shell, name: str, found: list[dict[str, str]]) -> tuple[str, str]:
    """Files of judged queries: the title of each document asks for it."""
    queries = "".join(f"{json.dumps({'_id': d['_id'], 'text': d['title']})}\n" for d in found)
    shell.write(f"{name}.jsonl", queries)
    rows = "".join(f"{d['_id']}\t{d['_id']}\t1\n" for d in found)
    shell.write(f"{name}.tsv", f"query-id\tcorpus-id\tscore\n{rows}")
    return f"{name}.jsonl", f"{name}.tsv"


def test_merge_anchor_and_judged_queries(shell: Shell, cache: Path) -> None:
    golden = judged(shell, "golden", documents("2024-06-01", 0, ("", ""))[:30])
    args = (*FAST, "--merge", ".5", "--anchor", ".01", "--golden", *golden, "--whatever")
    done = shell("update-model", *args, "--out", "deep/merged", "--format", "json", **env(cache))
    assert done.code == 0, done.out + done.err
    body = done.json
    assert [s["step"] for s in body["steps"]][-2:] == ["rebuild", "switch"]
    assert body["steps"][-1]["said"].startswith("golden: nDCG@10 ")
    assert body["verdict"]["golden"]["queries"] == 30
    assert read(shell.folder / ".qembed").spec.endswith("deep/merged")
    assert (shell.folder / "deep/merged.trained").is_dir()


def test_judged_queries_to_train_on_and_old_documents_replayed(shell: Shell, cache: Path) -> None:
    train = judged(shell, "train", documents("2025-06-01", 3, ("1", "2")))
    args = (*FAST, "--judged", *train, "--whatever", "--no-rebuild", "--format", "json")
    done = shell("update-model", *args, "--out", "taught", **env(cache))
    assert done.code == 3, "titles are in the documents: what they ask for otherwise is forgotten"
    assert done.json["stopped_at"] == "judgment"
    assert done.json["steps"][-1]["said"].endswith("worse on new")
    again = shell("update-model", *args, "--out", "taught", **env(cache))
    assert "taught was trained by an earlier run: going on with it" in again.err
    assert again.json["stopped_at"] == "judgment"
    assert again.json["training"] == done.json["training"]
    other = shell("update-model", *args, "--out", "taught", "--seed", "1", **env(cache))
    assert (other.code, "it is there already" in other.err) == (2, True)
    settings = done.json["training"]["settings"]
    assert settings["queries"] > 50
    assert settings["replayed"] > 50
    assert done.json["training"]["verdict"]["new"]["gain"] > 0.3
    done = shell("update-model", *args, "--golden", *train, "--out", "x", **env(cache))
    assert done.code == 2
    assert "one file" in done.err


def test_without_a_verdict_nothing_is_trained(shell: Shell, cache: Path) -> None:
    done = shell("update-model", "--since", "2031-01-01", "--out", "none", **env(cache))
    assert done.code == 3
    assert done.out.startswith("stopped  verdict   nothing: cannot say: 0 new passages")
    assert not (shell.folder / "none").exists()


def test_choices_that_make_no_sense(shell: Shell, cache: Path) -> None:
    for args, said in (
        (("--replay", "1"), "--replay 1: at least 0 and below 1"),
        (("--merge", "0"), "--merge 0: above 0, at most 1"),
        (("--out", "base"), "base"),
        (("--golden", "no.jsonl", "no.tsv"), "no.tsv: no such file"),
    ):
        done = shell("update-model", *replaced(["--out", "x"], args), **env(cache))
        assert (done.code, done.out) == (2, "")
        assert said in done.err
