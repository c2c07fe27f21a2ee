"""The published nDCG@10 of the built-in model, beside ours with the published settings.

    python -m tests.bench.published FOLDER     (make published DATA=FOLDER)

FOLDER holds BEIR folders: scifact, xquad-en, xquad-zh (and nfcorpus, arguana, fiqa where there). Figures
from the embeddings-benchmark's results for all-MiniLM-L6-v2. Settings as there: whole documents as
"title text", 256 tokens, exact search, no instruction. Exits with 1 if one differs by more than .002.
"""

from __future__ import annotations

import sys
from pathlib import Path

PUBLISHED = {
    "scifact": 0.6451,
    "nfcorpus": 0.3159,
    "arguana": 0.5017,
    "fiqa": 0.3687,
    "xquad-en": 0.9436,
    "xquad-zh": 0.2423,
}
TOLERANCE = 0.002


def main() -> int:
    """Prints wanted and got; 1 for a difference."""
    from qembed.pipeline.experiments.eval_options import EvalOptions
    from qembed.pipeline.experiments.evaluate import run_evaluation
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.pipeline.recipe import RecipeOptions
    from qembed.pipeline.retrieval.options import QueryOptions

    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    wrong = 0
    print(f"{'collection':12} {'published':>9} {'ours':>9} {'difference':>11}")
    for name, wanted in PUBLISHED.items():
        beir = Path(sys.argv[1]) / name
        if not (beir / "corpus.jsonl").is_file():
            print(f"{name:12} {wanted:9.4f} {'not there':>9}")
            continue
        asked = QueryOptions(search="exact", mode="dense")
        options = IndexOptions(recipe=RecipeOptions(model="minilm", chunker="none"))
        asking = EvalOptions(beir=beir, measures="nDCG@10", query=asked, index=options, latency=0)
        got = run_evaluation(asking, lambda: Path()).report.measures["nDCG@10"]
        wrong += abs(got - wanted) > TOLERANCE
        print(f"{name:12} {wanted:9.4f} {got:9.4f} {got - wanted:+11.4f}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
