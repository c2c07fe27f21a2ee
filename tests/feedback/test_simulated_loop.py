"""The whole loop on a made collection: clicks of simulated users, an order that holds for other queries."""

from __future__ import annotations

import numpy as np
import pytest

from qembed.pipeline.feedback.learning.learn import verdict
from qembed.pipeline.feedback.learning.pairs import QueryFeatures
from qembed.pipeline.retrieval.learned.features import FEATURES
from qembed.types import Query
from tests.feedback.simulated import cascade, examined, position_based
from tests.feedback.simulated_loop import Collection, learn, simulate_log

pytestmark = pytest.mark.slow

USERS = {"position-based": position_based(examined(10)), "cascade": cascade}


@pytest.fixture(scope="module")
def made() -> Collection:
    """400 queries of 12 candidates, 3 of them relevant: words tell more than the order before."""
    rng = np.random.default_rng(1)
    queries, qrels, known = {}, {}, {}
    for n in range(400):
        name = f"q{n}"
        good = np.zeros(12, dtype=bool)
        good[rng.choice(12, 3, replace=False)] = True
        words = np.clip(0.3 + 0.4 * good + rng.normal(0, 0.15, 12), 0, 1)
        score = good * 0.8 + rng.normal(0, 1, 12)
        at = np.argsort(-score)
        features = np.zeros((12, len(FEATURES)))
        z = (score - score.mean()) / score.std()
        for column, values in (("order", z), ("dense_z", z), ("words", words), ("pairs", words)):
            features[:, FEATURES.index(column)] = values[at]
        features[:, FEATURES.index("rank")] = -np.log1p(np.arange(12))
        queries[name] = Query(name, f"item{n} thing{n}")
        qrels[name] = {f"{name}-{d}": 1 for d in np.flatnonzero(good).tolist()}
        known[name] = QueryFeatures({f"{name}-{d}": i for i, d in enumerate(at.tolist())}, features)
    names = list(queries)
    return Collection(queries, qrels, known, names[:200], names[200:], [[n] for n in names])


@pytest.mark.parametrize(("users", "noise"), [("position-based", 0.2), ("cascade", 0.05)])
def test_clicks_on_some_queries_make_a_better_order_of_others(
    made: Collection, users: str, noise: float
) -> None:
    log = simulate_log(made, USERS[users], noise, sessions=1000, seed=1)
    found = learn(made, log)
    assert found.verdict == "documents"
    assert found.gain is not None
    assert found.gain.low > 0.02
    assert verdict(found.later, None, wants_judged=False) == (True, None)


def test_clicks_that_ignore_documents_teach_nothing(made: Collection) -> None:
    log = simulate_log(made, USERS["position-based"], 0.2, sessions=1200, seed=2, blind=True)
    found = learn(made, log)
    assert (found.verdict, found.gain) == ("position", None)
