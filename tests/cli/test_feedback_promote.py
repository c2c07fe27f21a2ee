"""`qembed feedback promote`: a setting that won becomes the default, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.pipeline.retrieval.tuned_setting import apply_choice
from qembed.store import Snapshot
from tests.cli.conftest import Shell
from tests.feedback.logs import answer, event


def experiment(
    shell: Shell, wins: int, losses: int = 0, b: str = "mode=lexical", at: float = 0.0
) -> None:
    """Log sessions that B wins, and some that A, the index's own way, wins."""
    both = {"interleaved": {"a": "default", "b": b, "teams": "AB"}}
    rows = []
    for n in range(wins + losses):
        name = f"{b} {at} {n}"
        rows.append(answer(name, "xy", settings=both, time=at + n))
        rows.append(event(name, "click", "y" if n < wins else "x", at + n))
    LogStore(shell.folder / ".qembed").append([encode_row(row_of(r)) for r in rows])


def plan(shell: Shell) -> str:
    found = shell("query", "money", "--format", "json").json["search"]
    assert isinstance(found, str)
    return found


def tuned(shell: Shell) -> object:
    return shell("status", "--format", "json").json["tuned"]


def test_a_winner_holds_until_it_is_taken_back(docs: Shell) -> None:
    before = plan(docs)
    experiment(docs, 30)
    done = docs("feedback", "promote", "B")
    assert done.code == 0, done.err
    assert done.out == "the index answers by mode=lexical now (--undo takes it back)\n"
    assert plan(docs) != before
    assert (
        plan(docs) == docs("query", "money", "--mode", "lexical", "--format", "json").json["search"]
    )
    line = next(x for x in docs("status").out.splitlines() if x.startswith("tuned"))
    assert "mode lexical" in line
    assert "an experiment, A default, B mode=lexical; qembed feedback promote --undo" in line
    again = docs("feedback", "promote", "B")
    assert (again.code, again.out) == (0, "")
    assert "the index answers by it already" in again.err
    undone = docs("feedback", "promote", "--undo")
    assert (undone.code, undone.out) == (0, "taken back: mode lexical\n")
    assert (plan(docs), tuned(docs)) == (before, None)
    assert docs("feedback", "promote", "--undo").out == "there is no promotion to take back\n"


def test_without_a_win_nothing_is_written(docs: Shell) -> None:
    generation = docs("status", "--format", "json").json["generation"]
    experiment(docs, 6, 4)
    for what, why in (
        ("B", "against default it won 6 sessions and lost 4 (p "),
        ("A", "against mode=lexical it won 4 sessions and lost 6"),
        ("mode=lexical", "it won 6 sessions and lost 4"),
        ("diversity=.3", "no experiment of the log has diversity=0.3 (qembed serve --ab)"),
    ):
        done = docs("feedback", "promote", what)
        assert (done.code, done.out) == (3, "")
        assert why in done.err
    assert docs("status", "--format", "json").json["generation"] == generation
    done = docs("feedback", "promote", "diversity=.3", "--anyway", "--format", "json")
    assert (done.code, done.json["promoted"], done.json["experiment"]) == (0, True, None)
    assert "promoted without evidence: no experiment of the log has diversity=0.3" in done.err
    assert "without an experiment" in docs("status").out


def test_what_tune_chose_holds_beside_it_and_comes_back(docs: Shell) -> None:
    root = docs.folder / ".qembed"
    with Snapshot.open(root) as snapshot:
        manifest = snapshot.manifest
    gain = {"measure": "nDCG@10", "new": None}
    chosen = {"diversity": 0.2, "mode": "hybrid"}
    assert apply_choice(root, (manifest.uid, manifest.generation), chosen, gain, {})
    earlier = tuned(docs)
    experiment(docs, 30)
    done = docs("feedback", "promote", "B", "--format", "json")
    assert done.json["options"] == {"diversity": 0.2, "mode": "lexical"}
    assert docs("feedback", "promote", "--undo", "--format", "json").json["undone"] == {
        "diversity": 0.2, "mode": "lexical",
    }  # fmt: skip
    assert tuned(docs) == earlier
    assert docs("feedback", "promote", "--undo").out == "there is no promotion to take back\n"


def test_the_latest_experiment_counts(docs: Shell) -> None:
    experiment(docs, 30, at=1000.0)
    experiment(docs, 30, b="mode=dense", at=5000.0)
    assert docs("feedback", "promote", "B", "--format", "json").json["setting"] == "mode=dense"
    done = docs("feedback", "promote", "mode=lexical", "--format", "json")
    assert (done.code, done.json["promoted"]) == (0, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "give A, B or a setting, or --undo"),
        (["B", "--undo"], "give A, B or a setting, or --undo"),
        (["B"], "the log has no experiment: qembed serve --ab begins one"),
        (["k=3"], "'k=3' is no option of a setting"),
        (["rerank=./none", "--anyway"], "none"),
        (["rerank=learned", "--anyway"], "no learned order in"),
    ],
)
def test_refusals(docs: Shell, args: list[str], message: str) -> None:
    done = docs("feedback", "promote", *args)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert tuned(docs) is None


def test_names_of_another_program_are_no_settings(docs: Shell) -> None:
    experiment(docs, 30, b="new ranker")
    done = docs("feedback", "promote", "B")
    assert done.code == 2
    assert "B of the latest experiment: 'new' is no option of a setting" in done.err


def test_no_index_no_promotion(tmp_path: Path) -> None:
    assert Shell(tmp_path)("feedback", "promote", "--undo").code == 2
