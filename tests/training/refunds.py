"""A small collection with a planted copy, an unjudged answer and a hard negative."""

from __future__ import annotations

import json
from pathlib import Path

from qembed.types import Query

QUERY = Query("q", "how do refunds work for late orders")
TEXTS = {
    "answer": "how refunds for late orders work: they go to the card",
    # the same words, in another file
    "copy": "How refunds for late orders work - they go to the card!",
    # nearer to the query than the answer is
    "unjudged": "how do refunds work for late orders",
    "hard": "refunds of train tickets work by a form that is sent to a desk in another town before noon",
    "word": "the late train has no desk and no form of another kind, by which it is sent to a town",
    **{f"other{i}": f"w{i} x{i * 7 % 11} y{i * 3 % 5} nothing of it" for i in range(20)},
}


def corpus(folder: Path, texts: dict[str, str]) -> Path:
    lines = (json.dumps({"_id": k, "text": v}) for k, v in texts.items())
    path = folder / "corpus.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
