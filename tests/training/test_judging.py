"""The pool of a verdict brings the index's vectors where they are the trained model's, and no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qembed.models import open_model
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.training.adapting.judged import hide_queries, judged_by_proxy
from qembed.training.adapting.made_queries import MadeQuery
from qembed.training.encoder.encoder_folder import encode, load_trainable
from qembed.training.judging import Pool, make_pool, measure
from qembed.types import Query
from tests.training.planted import planted, write

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def index(models: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made with torch: an export takes 15 s, and a pool asks for its vectors alone."""
    folder = tmp_path_factory.mktemp("index")
    write(folder, *planted(30))
    options = IndexOptions(
        paths=(str(folder / "corpus.jsonl"),), recipe=RecipeOptions(model=str(models[0]))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_RUNTIME", "torch")
        build(folder / ".qembed", options, Progress())
    return folder / ".qembed"


def test_before_is_what_encoding_gives(index: Path, models: tuple[Path, Path]) -> None:
    opened = open_model(str(models[0]))
    model, _ = load_trainable(str(models[0]))
    with Session(index) as session:
        pool = make_pool(session, [], opened)
    assert pool.vectors is not None
    np.testing.assert_allclose(pool.vectors, encode(model, pool.texts), atol=1e-5)
    queries = [Query(f"q{i}", pool.texts[i]) for i in range(8)]
    qrels = {q.id: {pool.documents[i]: 1} for i, q in enumerate(queries)}
    ways = [
        measure(lambda t: encode(model, t), pool, queries, qrels, opened.profile, vectors).values
        for vectors in (None, pool.vectors)
    ]
    assert ways[0] == ways[1]


def test_equal_documents_are_cut_as_they_are_measured() -> None:
    documents = [f"d{i:02}" for i in range(15)]
    pool = Pool(["equal words"] * 15, documents, True)
    model = open_model("py:tests.encoders:bag")
    encode = model.encoder().encode
    side = measure(encode, pool, [Query("q", "equal")], {"q": {"d14": 1}}, model.profile)
    assert side.values == {"q": 1.0}


def test_no_vectors_of_another_model(index: Path, models: tuple[Path, Path]) -> None:
    with Session(index) as session:
        assert make_pool(session, [], open_model(str(models[1]))).vectors is None


def test_no_vectors_of_texts_that_change(index: Path, models: tuple[Path, Path]) -> None:
    with Session(index) as session:
        pool = make_pool(session, [], open_model(str(models[0])))
    made = [
        MadeQuery(f"m{i}", f"of {i}", d, "", "title") for i, d in enumerate(pool.documents[:20])
    ]
    judged = judged_by_proxy(made, 0.4, 0, trained=False)
    assert hide_queries(pool, judged).vectors is None
    assert replace(pool, texts=pool.texts).vectors is not None
