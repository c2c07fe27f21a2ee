"""Grades and scores in the notations that files have."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
import pytrec_eval

from qembed.errors import InputError
from qembed.evaluation import evaluate, parse_measures, read_qrels, read_run, write_run
from qembed.evaluation.formats.numbers import parse_grade, parse_score


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "file.any"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("value", "grade"),
    [
        ("1", 1), ("1.0", 1), ("2.00", 2), ("1e0", 1), ("1E+0", 1), ("20e-1", 2), (".2e1", 2),
        ("+1", 1), ("-1.", -1), ("-0", 0), (" 3 ", 3), ("1e3", 1000), (2.0, 2), (0, 0), (-1, -1),
    ],
)  # fmt: skip
def test_whole_grades(value: Any, grade: int) -> None:
    found = parse_grade(value)
    assert found == grade
    assert type(found) is int


@pytest.mark.parametrize("value", ["0.5", "1.5", 0.5, "1e-1", "2.0000001"])
def test_fractions_are_named(value: Any) -> None:
    found = parse_grade(value)
    assert isinstance(found, str)
    assert f"grade '{value}' is not a whole number but a fraction" in found


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("x", "grade 'x' is not a whole number"),
        ("nan", "grade 'nan' is not a whole number"),
        ("inf", "grade 'inf' is not a whole number"),
        (math.nan, "grade 'nan' is not a whole number"),
        ("1,0", "grade '1,0' is not a whole number (a decimal comma? write 1.0)"),
        ("1_0", "grade '1_0' is not a whole number"),
        ("１", "grade '１' is not a whole number"),
        ("20000", "grade 20000 is beyond 10000"),
        ("1e999999999", "grade 1e999999999 is beyond 10000"),
        (-1e300, "grade -1e+300 is beyond 10000"),
        ("", "no grade"),
        (None, "no grade"),
        ([1], "grade a list: [1]"),
    ],
)
def test_what_is_no_grade(value: Any, what: str) -> None:
    assert parse_grade(value) == what


@pytest.mark.parametrize(("yes", "no"), [("true", "false"), ("TRUE", "False"), ("Yes", "no")])
def test_true_and_false_are_one_and_zero_in_files_of_their_own(
    tmp_path: Path, yes: str, no: str
) -> None:
    text = f"qid,did,relevant\nq,a,{yes}\nq,b,{no}\n"
    assert read_qrels(written(tmp_path, text)) == {"q": {"a": 1, "b": 0}}
    text = f"q 0 a {yes}\nq 0 b {no}\n"
    assert read_qrels(written(tmp_path, text)) == {"q": {"a": 1, "b": 0}}
    rows = [{"qid": "q", "did": d, "relevant": r} for d, r in (("a", True), ("b", False))]
    assert read_qrels(written(tmp_path, json.dumps(rows))) == {"q": {"a": 1, "b": 0}}


def test_true_beside_numbers_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, "q,a,true\nq,b,2\nq,c,false\n")
    with pytest.raises(InputError) as e:
        read_qrels(path)
    what = "grade true or false where others are numbers (2 on line 2): write a number"
    assert e.value.problems == [f"{path}:1: {what}", f"{path}:3: {what}"]


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ("0.5", 0.5), (".5", 0.5), ("5.", 5.0), ("-1E-05", -1e-5), ("+3", 3.0), ("1e-400", 0.0),
        ("inf", math.inf), ("-inf", -math.inf), ("-Infinity", -math.inf), ("+INF", math.inf),
        (2, 2.0), (-math.inf, -math.inf), (1e300, 1e300),
    ],
)  # fmt: skip
def test_scores(value: Any, score: float) -> None:
    assert parse_score(value) == score


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("nan", "score 'nan' is not a number, so the document has no place in the order"),
        ("-NaN", "score '-NaN' is not a number, so the document has no place in the order"),
        (math.nan, "score nan is not a number, so the document has no place in the order"),
        ("0,95", "score '0,95' is not a number (a decimal comma? write 0.95)"),
        (
            "1,234,567",
            "score '1,234,567' is not a number (commas between thousands? write 1234567)",
        ),
        ("1e999", "score '1e999' is beyond the largest float"),
        ("infinite", "score 'infinite' is not a number"),
        (True, "score is true or false"),
        (None, "no score"),
        ("", "no score"),
    ],
)
def test_what_is_no_score(value: Any, what: str) -> None:
    assert parse_score(value) == what


def test_infinite_scores_are_kept_first_and_last(tmp_path: Path) -> None:
    text = "q Q0 a 1 -inf t\nq Q0 b 2 -5 t\nq Q0 c 3 inf t\nq Q0 d 4 -Infinity t\n"
    run = read_run(written(tmp_path, text))
    assert run == {"q": {"a": -math.inf, "b": -5.0, "c": math.inf, "d": -math.inf}}
    for name in ("run.trec", "run.json"):
        write_run(run, tmp_path / name)
        assert read_run(tmp_path / name) == run
    strict = json.loads((tmp_path / "run.json").read_text(), parse_constant=pytest.fail)
    assert list(strict["q"]) == ["c", "b", "d", "a"]


def test_infinite_scores_are_measured_as_trec_eval_does() -> None:
    rng = random.Random(20261128)
    scores = [-math.inf, -1e39, -3.5e38, -1.0, 0.0, 1.0, 3.5e38, 1e39, math.inf]
    names = {"nDCG@3": "ndcg_cut_3", "AP": "map", "RR": "recip_rank", "P@5": "P_5"}
    for _ in range(200):
        documents = [f"d{n}" for n in range(8)]
        qrels = {"q": {d: rng.randrange(3) for d in documents}}
        run = {"q": {d: rng.choice(scores) for d in documents}}
        oracle = pytrec_eval.RelevanceEvaluator(qrels, set(names.values())).evaluate(run)["q"]
        report = evaluate(parse_measures(list(names)), qrels, run)
        for ours, theirs in names.items():
            assert report.measures[ours] == pytest.approx(oracle[theirs], abs=1e-9), (qrels, run)


def test_files_with_minus_infinity_read_as_trec_eval_reads_them(tmp_path: Path) -> None:
    path = written(tmp_path, "q Q0 a 1 -inf t\nq Q0 b 2 2.5 t\nq Q0 c 3 1e0 t\n")
    with path.open() as lines:
        assert read_run(path) == pytrec_eval.parse_run(lines)
