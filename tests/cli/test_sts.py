"""qembed eval sts."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell
from tests.evaluation.cases import STS_FILE


def test_it_prints_and_gates(shell: Shell) -> None:
    shell.write("sts.tsv", STS_FILE)
    done = shell("eval", "sts", "sts.tsv", "-v")
    assert (done.code, done.out.splitlines()[1]) == (0, "pairs     4")
    value = shell("eval", "sts", "sts.tsv", "--format", "json").json["measures"]["Spearman"]
    assert done.out.startswith(f"Spearman  {value:.4f}\n")
    assert "encoded '{query}' with bag-of-words" in done.err
    shown = shell("eval", "sts", "sts.tsv", "-v", "--template", "find {query}").err
    assert "encoded 'find {query}'" in shown
    failed = shell("eval", "sts", "sts.tsv", "--fail-under", "Spearman=1")
    assert failed.code == 3
    assert f"gate: fail-under Spearman=1: {value:.4f} is below 1" in failed.err
    assert "FAILED  fail-under Spearman=1: " in failed.out


def test_a_task_that_changes_nothing_is_told(shell: Shell) -> None:
    shell.write("sts.tsv", STS_FILE)
    done = shell("eval", "sts", "sts.tsv", "--task", "web")
    assert done.code == 0
    assert "--task changes nothing: bag-of-words takes no task" in done.err
    assert "--task" not in shell("eval", "sts", "sts.tsv").err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["sts", "nowhere.tsv"], "nowhere.tsv"),
        (["sts", "sts.tsv", "--qrels", "x"], "--qrels"),
        (["sts", "sts.tsv", "--fail-under", "nDCG@10=1"], "Spearman=0.8 is wanted"),
        (["--sts", "sts.tsv"], "qembed eval sts FILE --model SPEC"),
        (["--sts=sts.tsv", "--model", "minilm"], "qembed eval sts FILE --model SPEC"),
    ],
)
def test_refusals(shell: Shell, args: list[str], message: str) -> None:
    shell.write("sts.tsv", STS_FILE)
    done = shell("eval", *args)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
