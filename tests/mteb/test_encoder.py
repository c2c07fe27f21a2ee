"""qembed.mteb.Encoder against mteb's own wrapper of sentence-transformers, on all kinds of tasks."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from qembed.errors import EncodingError, UsageError
from qembed.mteb import Encoder, Index, beir_task
from qembed.pipeline.progress import Progress
from tests.models import tiny

QWEN = "Instruct: {task}\nQuery:{query}"
BAG = "py:tests.encoders:bag"


KINDS = [
    "bitext", "classification", "clustering", "pair_classification", "reranking", "retrieval", "sts",
    "summarization",
]  # fmt: skip


@pytest.fixture(scope="session")
def reference(folder: Path, prompted: Path) -> dict[str, Any]:
    from sentence_transformers import SentenceTransformer

    return {
        "bare": SentenceTransformer(str(folder), device="cpu"),
        "prompted": SentenceTransformer(str(prompted), device="cpu"),
    }


@pytest.mark.parametrize("name", ["bare", "prompted"])
@pytest.mark.parametrize("kind", KINDS)
def test_same_scores_as_sentence_transformers(
    kind: str, name: str, folder: Path, prompted: Path, reference: dict[str, Any], kinds: ModuleType
) -> None:
    # a task of its own for each: mteb's clustering draws on with every run of one task
    wanted = kinds.scores(reference[name], kinds.KINDS[kind]())
    got = kinds.scores(Encoder(str(folder if name == "bare" else prompted)), kinds.KINDS[kind]())
    assert got.keys() == wanted.keys()
    assert len(got) > 3
    assert got == pytest.approx(wanted, abs=1e-5)


class Spy:
    """Stands for a model's weights and keeps the texts."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: Any, **_: Any) -> Any:
        self.texts += texts
        return np.eye(len(texts), 48, dtype=np.float32)


def encoded(
    monkeypatch: pytest.MonkeyPatch, model: Encoder, task: Any, kind: str | None, **batch: str
) -> str:
    """Text that the model gets for one input of a task."""
    from mteb.types import PromptType

    spy = Spy()
    monkeypatch.setattr(type(model.model), "encoder", lambda _: spy)
    loader = [{name: [value] for name, value in batch.items()}]
    prompt_type = None if kind is None else PromptType(kind)
    model.encode(loader, task_metadata=task.metadata, prompt_type=prompt_type)
    return spy.texts[0]


class TestTexts:
    def test_queries_and_documents_take_the_profile_s_templates(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kinds: ModuleType
    ) -> None:
        for name in ("bge-small-en-v1.5", "e5-small", "embeddinggemma-300m"):
            shutil.copytree(folder, tmp_path / name)
        bge, e5, gemma = (
            Encoder(str(tmp_path / n))
            for n in ("bge-small-en-v1.5", "e5-small", "embeddinggemma-300m")
        )
        task = kinds.retrieval()
        wanted = "Represent this sentence for searching relevant passages: red planet"
        assert encoded(monkeypatch, bge, task, "query", text="red planet") == wanted
        assert encoded(monkeypatch, bge, task, "document", text="red planet") == "red planet"
        assert encoded(monkeypatch, bge, kinds.sts(), None, text="red planet") == "red planet"
        assert encoded(monkeypatch, e5, task, "document", text="mars") == "passage: mars"
        # the card: "query: " on both sides of symmetric tasks, and for features
        assert encoded(monkeypatch, e5, kinds.sts(), None, text="mars") == "query: mars"
        title = {"text": "Planets mars", "title": "Planets", "body": "mars"}
        wanted = "title: Planets | text: mars"
        assert encoded(monkeypatch, gemma, task, "document", **title) == wanted

    def test_tasks_of_mteb_go_first_only_if_asked(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, kinds: ModuleType
    ) -> None:
        ours = Encoder(str(folder), template=QWEN, task="qa")
        asked = Encoder(str(folder), template=QWEN, task="qa", task_prompts=True)
        own = "Instruct: Given a user question, retrieve the best answer\nQuery:mars"
        assert encoded(monkeypatch, ours, kinds.retrieval(), "query", text="mars") == own
        assert encoded(monkeypatch, ours, kinds.sts(), None, text="mars") == own
        wanted = "Instruct: Find the planet\nQuery:mars"
        assert encoded(monkeypatch, asked, kinds.retrieval(), "query", text="mars") == wanted
        wanted = "Instruct: Which are alike?\nQuery:mars"
        assert encoded(monkeypatch, asked, kinds.sts(), None, text="mars") == wanted
        # no prompt in the metadata, none for documents
        assert encoded(monkeypatch, asked, kinds.classification(), None, text="mars") == own
        assert encoded(monkeypatch, asked, kinds.retrieval(), "document", text="mars") == "mars"

    def test_a_task_template_is_kept_in_symmetric_tasks(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, kinds: ModuleType
    ) -> None:
        model = Encoder(str(folder), template=QWEN)
        wanted = "Instruct: Retrieve semantically similar text\nQuery:mars"
        assert encoded(monkeypatch, model, kinds.sts(), None, text="mars") == wanted
        bare = Encoder(str(folder), template=QWEN, instruction=False)
        assert encoded(monkeypatch, bare, kinds.sts(), None, text="mars") == "mars"
        assert encoded(monkeypatch, bare, kinds.retrieval(), "query", text="mars") == "mars"

    def test_prompts_of_the_folder_by_any_case(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kinds: ModuleType
    ) -> None:
        prompts = {"search_query": "search_query: ", "classification": "classification: "}
        copy = tiny.copy(folder, tmp_path / "nobody-knows")
        tiny.change(copy, "config_sentence_transformers.json", prompts=prompts)
        model = Encoder(str(copy))
        wanted = "classification: mars"
        assert encoded(monkeypatch, model, kinds.classification(), None, text="mars") == wanted
        wanted = "search_query: mars"
        assert encoded(monkeypatch, model, kinds.retrieval(), "query", text="mars") == wanted
        assert encoded(monkeypatch, model, kinds.sts(), None, text="mars") == "mars"


class TestProtocol:
    def test_protocols(self, kinds: ModuleType) -> None:
        from mteb.models import EncoderProtocol, SearchProtocol

        assert isinstance(Encoder(BAG), EncoderProtocol)
        assert not isinstance(Encoder(BAG), SearchProtocol)
        assert isinstance(Index(BAG), SearchProtocol)
        assert isinstance(Index(BAG), EncoderProtocol)  # for tasks without a search

    def test_equal_texts_are_encoded_once(self, kinds: ModuleType) -> None:
        from torch.utils.data import DataLoader

        seen: list[int] = []
        model = Encoder(BAG, progress=Progress(advance=seen.append))
        loader = DataLoader(["b a", "c", "b a"], batch_size=2, collate_fn=lambda b: {"text": b})
        vectors = model.encode(loader, task_metadata=kinds.sts().metadata)
        assert vectors.shape == (3, 48)
        assert vectors.dtype == np.float32
        assert (vectors[0] == vectors[2]).all()
        assert (vectors[0] != vectors[1]).any()
        assert sum(seen) == 2

    def test_results_are_kept_apart(self, kinds: ModuleType) -> None:
        """mteb keeps results by these: two configurations must not share them."""
        made = [
            Encoder(BAG), Encoder(BAG, template="q: {query}"), Encoder(BAG, instruction=False),
            Index(BAG), Index(BAG, mode="lexical"), Index(BAG, chunker="none"),
            Index(BAG, rerank="late"), Index(BAG, rerank="late", candidates=7),
        ]  # fmt: skip
        names = [(m.name, m.revision, m.experiment_name) for m in (x.mteb_model_meta for x in made)]
        assert len(set(names)) == len(made)
        assert Encoder(BAG).mteb_model_meta == made[0].mteb_model_meta
        assert made[0].mteb_model_meta.embed_dim == 48


class TestRefusals:
    def test_prompts_without_a_place(self) -> None:
        with pytest.raises(UsageError, match=r"mteb's prompts have no place in .* '\{query\}'"):
            Encoder(BAG, task_prompts=True)

    def test_bad_template(self) -> None:
        with pytest.raises(UsageError, match="bad query template"):
            Encoder(BAG, template="no place")

    def test_precision(self, kinds: ModuleType) -> None:
        with pytest.raises(UsageError, match="precision int8: qembed's vectors are float32"):
            Encoder(BAG).encode([], task_metadata=kinds.sts().metadata, precision="int8")

    def test_pictures(self, kinds: ModuleType) -> None:
        with pytest.raises(UsageError, match="a task with image and no text"):
            Encoder(BAG).encode([{"image": ["x"]}], task_metadata=kinds.sts().metadata)

    def test_a_text_that_has_no_vector(self, kinds: ModuleType) -> None:
        with pytest.raises(EncodingError, match="poison"):
            Encoder("py:tests.encoders:nan").encode(
                [{"text": ["fine", "poison"]}], task_metadata=kinds.sts().metadata
            )

    def test_unknown_options(self) -> None:
        with pytest.raises(TypeError, match="Index has no option chunks"):
            Index(BAG, chunks="none")

    def test_without_mteb(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def absent(name: str) -> str:
            raise PackageNotFoundError(name)

        monkeypatch.setattr("qembed.mteb.library.version", absent)
        wanted = r"mteb is not installed \(pip install 'qembed-search\[mteb\]'\)"
        for use in (lambda: Encoder(BAG), lambda: Index(BAG), lambda: beir_task("x")):
            with pytest.raises(UsageError, match=wanted):
                use()
        monkeypatch.setattr("qembed.mteb.library.version", lambda _: "1.39.7")
        with pytest.raises(UsageError, match=r"mteb 1\.39\.7 is too old, 2\.26 or later"):
            Encoder(BAG)
