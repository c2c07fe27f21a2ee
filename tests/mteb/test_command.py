"""`qembed eval --mteb TASK…`."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from qembed.cli.commands.eval.mteb_tasks import spread_tasks
from tests.cli.conftest import Shell
from tests.mteb.files import beir

PAIRS = "sentence1\tsentence2\tscore\na b\ta c\t3\na b\td e\t1\nf g\tf g\t5\n"


@pytest.fixture
def shell(tmp_path: Path, kinds: ModuleType) -> Shell:
    folder = tmp_path / "work"
    folder.mkdir()
    made = Shell(folder)
    beir(folder / "small")
    made.write("pairs.tsv", PAIRS)
    return made


def test_spread_tasks() -> None:
    def spread(text: str) -> str:
        return " ".join(spread_tasks(text.split()))

    assert spread("--mteb A B --model C") == "--mteb A --mteb B --model C"
    assert spread("--mteb=A B -q --mteb C") == "--mteb=A --mteb B -q --mteb C"
    assert spread("--model C init") == "--model C init"
    assert spread("--mteb-prompts --mteb") == "--mteb-prompts --mteb"


def test_files_as_tasks(shell: Shell) -> None:
    done = shell("eval", "--mteb", "small", "pairs.tsv", "-q")
    assert done.code == 0, done.err
    head, small, pairs = (line.split() for line in done.out.splitlines())
    assert head == ["task", "kind", "measure", "score"]
    assert small[:3] == ["small", "Retrieval", "ndcg_at_10"]
    assert pairs == ["pairs.tsv", "STS", "cosine_spearman", "1.0000"]
    # the same as our own evaluation of the folder
    ours = shell("eval", "--beir", "small", "--measures", "nDCG@10", "--format", "json")
    assert float(small[3]) == pytest.approx(ours.json["measures"]["nDCG@10"], abs=1e-4)
    assert done.err == ""


def test_json_and_options(shell: Shell) -> None:
    args = ["eval", "--mteb", "small", "--format", "json"]
    body = shell(*args).json
    assert body["schema"] == 1
    assert body["tasks"][0]["scores"]["test"]["default"]["ndcg_at_10"] == body["measures"]["small"]
    lexical = shell(*args, "--mode", "lexical", "--chunker", "none").json
    assert lexical["settings"]["mode"] == "lexical"
    assert lexical["settings"]["chunker"] == "none"
    assert lexical["measures"] != body["measures"]


def test_gates(shell: Shell) -> None:
    done = shell("eval", "--mteb", "pairs.tsv", "--fail-under", "pairs.tsv=0.9")
    assert done.code == 0, done.err
    assert "ok      fail-under pairs.tsv=0.9: 1.0000 is at least 0.9" in done.out
    done = shell("eval", "--mteb", "small", "--fail-under", "small=1")
    assert done.code == 3
    assert "gate: fail-under small=1: 0." in done.err
    done = shell("eval", "--mteb", "small", "--fail-under", "nDCG@10=0.5")
    assert done.code == 2
    assert "TASK=V is wanted with --mteb, for one of small" in done.err


def test_baseline_and_reports(shell: Shell) -> None:
    args = ["eval", "--mteb", "small", "pairs.tsv"]
    done = shell(*args, "--report", "was.json", "--report", "was.md")
    assert done.code == 0, done.err
    was = json.loads((shell.folder / "was.json").read_text())
    assert was == {**shell(*args, "--format", "json").json, **moments(was)}
    row = f"| small | Retrieval | ndcg_at_10 | {was['measures']['small']:.4f} |"
    assert row in (shell.folder / "was.md").read_text()
    against = [*args, "--baseline", "was.json", "--max-drop", "pairs.tsv=0"]
    done = shell(*against, "--max-drop", "small=2%")
    assert done.code == 0, done.err
    assert "ok      max-drop small=2%: as before: " in done.out
    worse = shell(*against, "--max-drop", "small=1%", "--mode", "dense", "--report", "now.md")
    then = was["measures"]["small"]
    assert worse.code == 3
    got = float(worse.out.splitlines()[1].split()[3])
    assert got < 0.99 * then
    assert worse.out.splitlines()[1].split()[4:] == [f"{then:.4f}", f"{got - then:+.4f}"]
    fell = f"max-drop small=1%: fell by {then - got:.4f} from {then:.4f} to {got:.4f} ("
    assert f"gate: {fell}" in worse.err
    assert "%), more than 1%\n" in worse.err
    assert f"- **failed**: {fell}" in (shell.folder / "now.md").read_text()


def moments(body: dict[str, Any]) -> dict[str, Any]:
    """The parts of a report that each run has for itself."""
    return {"provenance": body["provenance"], "settings": body["settings"]}


def test_a_baseline_of_other_data_is_refused_before_the_run(shell: Shell) -> None:
    args = ["eval", "-q", "--mteb", "small"]
    assert shell(*args, "--report", "was.json").code == 0
    done = shell(*args, "pairs.tsv", "--baseline", "was.json")
    assert done.code == 2
    assert "pairs.tsv: the baseline has small" in done.err
    with (shell.folder / "small" / "corpus.jsonl").open("a") as stream:
        stream.write('{"_id": "new", "title": "", "text": "one more"}\n')
    done = shell(*args, "--baseline", "was.json")
    assert done.code == 2
    assert "small: the revision of the data was" in done.err
    shell.write("other.json", '{"schema": 1, "measures": {}, "per_query": {}}')
    done = shell(*args, "--baseline", "other.json")
    assert "other.json is not a report of qembed eval --mteb" in done.err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--mteb", "small", "--max-drop", "small=0.1"], "--max-drop wants --baseline"),
        (["--mteb", "small", "--report", "x.html"], "reports of --mteb are written as .json or"),
        (["--mteb", "small", "--max-drop-significant", "small"], "without --max-drop-significant"),
        (["--mteb", "Nothink"], "Nothink: no task or benchmark of mteb"),
        (["--mteb", "small", "--beir", "small", "--index", "x"], "without --beir, --index ("),
        (["--mteb", "small", "--split", "dev"], "there are judgments for: test"),
        (["--mteb-prompts"], "--mteb-prompts wants --mteb TASK"),
        (["--mteb", "small", "--mteb-prompts"], "mteb's prompts have no place in"),
        (["--mteb", "STSBenchmark"], "STSBenchmark: its data cannot be loaded"),
        (["--mteb", "small", "--model", "py:tests.encoders:gone"], "no function 'gone'"),
    ],
)
def test_refusals(shell: Shell, args: list[str], message: str) -> None:
    done = shell("eval", *args)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_mteb_s_own_prompts_change_the_text(shell: Shell) -> None:
    template = ["--template", "{task} {query}"]
    done = shell("eval", "--mteb", "small", "pairs.tsv", *template, "--mteb-prompts")
    assert done.code == 0, done.err  # these have none: the template's own task stays
