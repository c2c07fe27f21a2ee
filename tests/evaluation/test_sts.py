"""Spearman on pairs of sentences: the file, the number, and the command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import InputError, UsageError
from qembed.evaluation.sts import SentencePair, read_sts, spearman
from qembed.models import PROFILES
from qembed.pipeline.experiments.sts import evaluate_sts, sts_template
from tests.encoders import Bag
from tests.evaluation.cases import STS_FILE

BAG = "py:tests.encoders:bag"


def write(path: Path, text: str) -> Path:
    path = path / "sts.tsv"
    path.write_text(text, "utf-8", newline="")
    return path


def by_definition(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson's correlation of mean ranks, in loops."""

    def ranks(values: Sequence[float]) -> np.ndarray:
        return np.array(
            [sum(w < v for w in values) + (sum(w == v for w in values) + 1) / 2 for v in values]
        )

    x, y = ranks(a), ranks(b)
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()))


numbers = st.integers(0, 6).map(float)


@settings(deadline=None)  # importing scipy takes a second
@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=25))
@pytest.mark.slow
def test_spearman_by_its_definition(rows: list[tuple[float, float]]) -> None:
    grades, scores = [g for g, _ in rows], [s for _, s in rows]
    pairs = [SentencePair("a", "b", g) for g in grades]
    if len(set(scores)) < 2:
        assert spearman(pairs, scores) == 0
    elif len(set(grades)) > 1:
        assert spearman(pairs, scores) == pytest.approx(by_definition(grades, scores), abs=1e-12)


def test_a_file(tmp_path: Path) -> None:
    pairs = read_sts(write(tmp_path, STS_FILE))
    assert pairs[0] == SentencePair("the late parcel", "the parcel, late", 5.0)
    assert pairs[2].one == 'quote " and fox'
    assert [p.grade for p in pairs] == [5, 0, 3, 4]
    other = "Sentence2\tid\tSCORE\tsentence1\nb\t7\t1\ta\nd\t8\t2\tc\n"
    assert read_sts(write(tmp_path, other)) == [
        SentencePair("a", "b", 1),
        SentencePair("c", "d", 2),
    ]


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    bad = STS_FILE + "high\ta\tb\n1\ta\n1\t\tb\nnan\ta\tb\n"
    with pytest.raises(InputError) as caught:
        read_sts(write(tmp_path, bad))
    message = str(caught.value)
    assert "sts.tsv:7: score 'high' is not a number" in message
    assert "sts.tsv:8: 2 columns, the header has 3" in message
    assert "sts.tsv:9: an empty sentence" in message
    assert "sts.tsv:10: score 'nan' is not a number" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\n1\t2\n", "the header lacks sentence1, sentence2, score"),
        ("", "at least two pairs"),
        ("score\tsentence1\tsentence2\n1\ta\tb\n1\tc\td\n", "different scores"),
    ],
)
def test_files_without_a_correlation(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_sts(write(tmp_path, text))


def test_the_report_of_a_model(tmp_path: Path) -> None:
    path = write(tmp_path, STS_FILE)
    body = evaluate_sts(path, BAG, fail_under=("spearman=0.1",))
    bag = Bag()
    pairs = read_sts(path)
    cosines = [float(a @ b) for a, b in (bag.encode([p.one, p.other]) for p in pairs)]
    expected = by_definition([p.grade for p in pairs], cosines)
    assert body["measures"]["Spearman"] == pytest.approx(expected, abs=1e-9)
    assert body["pairs"] == 4
    assert body["settings"]["encoded"] == "{query}"
    assert body["gates"][0]["ok"]
    assert not evaluate_sts(path, BAG, fail_under=("Spearman=1",))["gates"][0]["ok"]
    for wrong in ("nDCG@10=0.5", "Spearman", "Spearman=2", "Spearman=high"):
        with pytest.raises(UsageError, match=r"Spearman=0\.8 is wanted"):
            evaluate_sts(path, BAG, fail_under=(wrong,))


def test_templates_of_a_symmetric_task() -> None:
    found = {p.name: sts_template(p) for p in PROFILES}
    assert found["Qwen3-Embedding-0.6B"] == "Instruct: {task}\nQuery:{query}"
    assert found["e5"] == "query: {query}"
    assert found["bge-en"] == found["all-MiniLM"] == found["snowflake-arctic-embed"] == "{query}"
