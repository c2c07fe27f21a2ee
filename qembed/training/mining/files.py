"""Mining from files to files: queries and judgments, or pairs, to lists."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.evaluation import read_run
from qembed.models import open_model
from qembed.pipeline.experiments.inputs import read_inputs
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.training.json_lines import read_json_lines, words_of
from qembed.training.mining.lists import check_lists_path, write_lists
from qembed.training.mining.mine import Mined, MiningOptions, mine_judged, mine_pairs
from qembed.training.mining.new_vectors import with_new_vectors
from qembed.types import Query


def mine_files(
    root: Path,
    out: Path,
    options: MiningOptions,
    *,
    queries: Path | None = None,
    qrels: Path | None = None,
    pairs: Path | None = None,
    run: Path | None = None,
    model: str | None = None,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> tuple[Mined, dict[str, Any]]:
    """Mine lists of the judgments, or of the pairs, in files, and write them to `out`.

    `model`: whose vectors are searched instead of the index's; all passages are encoded by it, in memory.
    Returns the lists and the command's JSON. Raises UsageError, InputError, StorageError.
    """
    began = time.perf_counter()
    check_lists_path(out)
    if run is not None:
        options = replace(options, run=read_run(run, warn=warn))
    options.check()
    if pairs is not None:
        if queries is not None or qrels is not None:
            raise UsageError("--pairs brings its own queries: without --queries and --qrels")
        texts = read_pairs(pairs)
        with _opened(root, model, progress) as session:
            mined = mine_pairs(session, texts, options, progress)
    else:
        given = read_inputs(queries, qrels, None, "train", needs_words=True, warn=warn)
        with _opened(root, model, progress) as session:
            mined = mine_judged(session, given.queries, given.qrels, options, progress)
    write_lists(mined.lists, out)
    body = {
        "schema": 1,
        "out": str(out),
        "written": True,
        **mined.to_json(),
        "settings": {
            "model": model,
            "negatives": list(options.sources),
            "per_query": options.per_query,
            "window": list(options.window),
            "margin": options.margin,
            "pick": options.pick,
            "seed": options.seed,
            "rerank": options.rerank,
            "max_probability": options.most if options.rerank else None,
        },
        "seconds": {"total": round(time.perf_counter() - began, 3)},
    }
    return mined, body


@contextmanager
def _opened(root: Path, spec: str | None, progress: Progress | None) -> Iterator[Session]:
    """The index, searched by its own vectors or by those of another model."""
    with Session(root) as session:
        if spec is None:
            yield session
            return
        model = open_model(spec)
        yield with_new_vectors(session, model, model.encoder().encode, progress)


def read_pairs(path: Path) -> list[tuple[Query, str, str | None]]:
    """Read pairs as JSON lines with "query" and "positive", a text or {"id", "text"}.

    Of a preference, as `feedback pairs` writes them, what was chosen is the positive. Returns (query, text,
    document or None). Raises InputError with file and lines.
    """
    return read_json_lines(path, _pair, "pairs")


def _pair(body: Any, number: int) -> tuple[Query, str, str | None]:
    query, document = words_of(body, "query"), None
    if "chosen" in body and "positive" not in body:
        text, document = words_of(body, "chosen"), body.get("chosen_id")
    elif isinstance(positive := body["positive"], dict):  # a line of `train mine` or `train adapt`
        document = positive.get("id")
        text = words_of(positive, "text")
    else:
        text = words_of(body, "positive")
    if document is not None and not isinstance(document, str):
        raise TypeError("the positive's id must be a text")
    return Query(str(body.get("query_id", number)), query), text, document
