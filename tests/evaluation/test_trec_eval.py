"""Every measure equals trec_eval's, through its binding, averaged here as `trec_eval -c` does."""

from __future__ import annotations

import math
import random

import pytest
import pytrec_eval

from qembed.evaluation import evaluate, parse_measures
from tests.evaluation.cases import random_case

pytestmark = pytest.mark.slow

TREC = {
    "P@5": "P_5", "nDCG": "ndcg", "nDCG@3": "ndcg_cut_3", "nDCG@10": "ndcg_cut_10", "AP": "map",
    "AP@5": "map_cut_5", "R@3": "recall_3", "R@100": "recall_100", "RR": "recip_rank",
    "Bpref": "bpref", "Rprec": "Rprec", "Success@1": "success_1", "SetP": "set_P",
    "SetR": "set_recall", "SetAP": "set_map", "infAP": "infAP", "IPrec@0.1": "iprec_at_recall_0.10",
    "NumRet": "num_ret",
}  # fmt: skip


def test_a_thousand_random_runs_agree_with_trec_eval() -> None:
    rng = random.Random(20261121)
    for _ in range(1000):
        qrels, run = random_case(rng)
        names = rng.sample(list(TREC), 8)
        oracle = pytrec_eval.RelevanceEvaluator(
            qrels, {TREC[name] for name in names} | {"recip_rank"}
        )
        found = oracle.evaluate(run)
        report = evaluate(parse_measures([*names, "RR@3"]), qrels, run)
        for name in names:
            values = {q: found.get(q, {}).get(TREC[name], 0.0) for q in qrels}
            got = {q: report.per_query[q][name] for q in qrels}
            assert got == pytest.approx(values, abs=1e-9), (name, qrels, run)
            total = math.fsum(values.values())
            wanted = total if name == "NumRet" else total / len(qrels)
            assert report.measures[name] == pytest.approx(wanted, abs=1e-9), (name, qrels, run)
        for q in qrels:
            rr = found.get(q, {}).get("recip_rank", 0.0)
            assert report.per_query[q]["RR@3"] == pytest.approx(rr if rr > 0.3 else 0, abs=1e-9)
