"""(query, passage) -> score: late interaction, cross-encoders, Qwen's yes/no, an endpoint, or one's own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError, ModelUnavailable, UsageError
from qembed.models.batching import by_length
from qembed.models.device import wanted_device
from qembed.models.forms import SCHEMES, is_hub_id
from qembed.models.hub import fetch
from qembed.models.model import Model
from qembed.models.model_folder import Folder
from qembed.models.onnx.prepare import cross_encoder, open_cross
from qembed.models.python_model import make
from qembed.models.qwen_prompt import architecture, is_qwen_name, is_qwen_reranker
from qembed.models.rerankers.qwen import QwenReranker
from qembed.models.scoring import PROBABILITY, finite, sigmoid
from qembed.models.torch_encoder import choose_device, load_arguments, loading
from qembed.types import Pair, Scorer, Tasks, Track

if TYPE_CHECKING:
    from qembed.types import Scores, TokenEncoder

TEXTS_PER_BATCH = 64
"""Passages whose token vectors are held at a time: 64 x 256 tokens x 384 float32 are 25 MB."""
CLASSIFIER = "ForSequenceClassification"
FORMS = "late, a folder, a hub id, http(s)://host:port/v1#model or py:module:factory"


class LateInteractionReranker:
    """Late interaction: the mean over query tokens of the largest cosine with any passage token.

    The sum of MaxSim of ColBERT (Khattab and Zaharia 2020), divided by the number of query tokens so
    that queries of all lengths share a scale. All attended tokens count on both sides, the special ones
    too: their states stand for the whole text. `count` and `limit`: a text's tokens, and how many are read.
    """

    kind = "late"
    calibrated = False
    instructed = False
    note = None
    meaning = "mean cosines of tokens: an order for one query's candidates, no probabilities"

    def __init__(
        self,
        encoder: TokenEncoder,
        count: Callable[[Sequence[str]], list[int]] | None = None,
        limit: int = 0,
    ) -> None:
        self._encoder = encoder
        self._count = count
        self._limit = limit
        self.truncated: list[Pair] = []

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """float32 (len(pairs),), between -1 and 1. Each distinct text is encoded once."""
        import numpy as np

        out = np.empty(len(pairs), dtype=np.float32)
        queries = list(dict.fromkeys(q for q, _ in pairs))
        tokens = dict(zip(queries, self._encoder.encode_tokens(queries), strict=True))
        wanted: dict[str, list[int]] = {}
        for i, (_, passage) in enumerate(pairs):
            wanted.setdefault(passage, []).append(i)
        if self._count is not None:
            texts = [*queries, *wanted]
            long = {t for t, n in zip(texts, self._count(texts), strict=True) if n > self._limit}
            self.truncated += [p for p in pairs if p[0] in long or p[1] in long]
        # neighbours in length share a batch; the vectors are dropped as soon as they are used
        passages = sorted(wanted, key=len, reverse=True)
        for at in range(0, len(passages), TEXTS_PER_BATCH):
            part = passages[at : at + TEXTS_PER_BATCH]
            for passage, states in zip(part, self._encoder.encode_tokens(part), strict=True):
                for i in wanted[passage]:
                    out[i] = (tokens[pairs[i][0]] @ states.T).max(axis=1).mean()
            if track is not None:
                track(sum(len(wanted[p]) for p in part))
        return out


class CrossEncoderReranker:
    """A sentence-transformers cross-encoder with one output. Scores are probabilities."""

    kind = "cross"
    calibrated = True
    instructed = False
    meaning = PROBABILITY

    def __init__(self, folder: Path, device: str | None = None) -> None:
        self._name = folder.name
        self.truncated: list[Pair] = []
        files = Folder(folder)
        files.check()
        self._exported, self.note = open_cross(cross_encoder(folder, str(folder), device))
        if self._exported is not None:
            self.truncated = self._exported.truncated
            return
        with loading(folder):
            import torch
            from sentence_transformers import CrossEncoder

            # Identity: some configurations squash already, and twice presses all into .27 to .73
            self._model = CrossEncoder(
                str(folder),
                activation_fn=torch.nn.Identity(),
                **load_arguments(choose_device(device)),
            )
        if self._model.num_labels != 1:
            raise UsageError(
                f"{folder}: a classifier with {self._model.num_labels} classes is no reranker"
            )
        self._limit = min(self._model.max_seq_length or 10**9, files.max_tokens(512))
        self._model.max_seq_length = self._limit
        if architecture(files).endswith(CLASSIFIER):
            # as in TorchEncoder; a language model reads its answer off the last position
            self._model.tokenizer.padding_side = "right"

    def logits(self, pairs: Sequence[Pair], track: Track | None = None) -> Scores:
        """The raw scores, float32 (len(pairs),)."""
        import numpy as np

        out = np.zeros(len(pairs), dtype=np.float32)
        if not pairs:
            return out
        if self._exported is not None:
            return finite(self._exported.logits(pairs, track), pairs, self._name)
        given = self._model.tokenizer(
            [q for q, _ in pairs], [p for _, p in pairs], truncation=False, padding=False
        )
        lengths = [len(ids) for ids in given["input_ids"]]
        self.truncated += [p for p, n in zip(pairs, lengths, strict=True) if n > self._limit]
        for batch in by_length([min(n, self._limit) for n in lengths]):
            raw = self._model.predict(
                [list(pairs[i]) for i in batch], batch_size=len(batch), show_progress_bar=False
            )
            out[batch] = np.asarray(raw, dtype=np.float32).reshape(-1)
            if track is not None:
                track(len(batch))
        return finite(out, pairs, self._name)

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """sigmoid(logit), float32 (len(pairs),)."""
        return sigmoid(self.logits(pairs, track))


class PythonReranker:
    """The user's reranker: what it gives is held to being one finite number a pair.

    It is handed `together` pairs a call. An attribute `calibrated = True` says that they are probabilities.
    """

    kind = "own"
    instructed = False
    note = None
    together = 256

    def __init__(self, spec: str, made: Any) -> None:
        self.spec = spec
        self._made = made
        self.calibrated = bool(getattr(made, "calibrated", False))
        self.meaning = PROBABILITY if self.calibrated else f"whatever {spec} gives"
        self.truncated: list[Pair] = []

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """float32 (len(pairs),). Raises EncodingError for another number of scores, NaN or infinity."""
        import numpy as np

        out = np.zeros(len(pairs), dtype=np.float32)
        for at in range(0, len(pairs), self.together):
            part = list(pairs[at : at + self.together])
            given = np.asarray(self._made.score(part), dtype=np.float32)
            if given.shape != (len(part),):
                raise EncodingError(
                    f"{self.spec} gave scores of shape {given.shape} for {len(part)} pairs"
                )
            out[at : at + len(part)] = given
            if track is not None:
                track(len(part))
        return finite(out, pairs, self.spec)


def open_reranker(
    spec: str, model: Model, *, task: str | None = None, device: str | None = None
) -> Scorer:
    """The reranker that `spec` names: late (of `model`), a folder, a hub id, an endpoint, or one's own.

    task: a name or the text of an instruction, for rerankers that take one and pairs that come without;
    None for web search.
    Raises ModelUnavailable, UsageError.
    """
    if spec == "late":
        return LateInteractionReranker(model.token_encoder(), model.count, model.max_tokens)
    if spec.startswith("py:"):
        made: Any = make(spec)[0]
        if not hasattr(made, "score"):
            raise ModelUnavailable(f"{spec}: what the factory made has no score(pairs)")
        return PythonReranker(spec, made)
    if spec.startswith(SCHEMES):
        from qembed.models.remote.rerank import RemoteReranker

        return RemoteReranker(spec, task)
    device = wanted_device(device)
    if spec and Path(spec).expanduser().is_dir():
        return _folder(Path(spec).expanduser().resolve(), task, device)
    name, _, revision = spec.partition("@")
    if is_hub_id(name):
        return _folder(fetch(name, revision or None), task, device)
    raise UsageError(f"--rerank {spec}: {FORMS} is wanted")


def _folder(path: Path, task: str | None, device: str | None) -> Scorer:
    """Which kind of reranker a folder holds, by its architecture. Raises ModelUnavailable for none."""
    folder = Folder(path)
    if is_qwen_reranker(folder):
        return QwenReranker(path, task, device)
    found = architecture(folder)
    if is_qwen_name(str(path)) and found and not _renders_pairs(folder):
        raise ModelUnavailable(
            f"{path}: a {found} would be asked without Qwen3-Reranker's prompt, and its scores "
            "would be close to random (take the authors' own, such as Qwen/Qwen3-Reranker-0.6B)"
        )
    scores_itself = any(kind == "LogitScore" for kind, _ in folder.modules())
    if found.endswith("ForCausalLM") and not scores_itself:
        raise ModelUnavailable(
            f"{path}: a language model ({found}) without a prompt that makes it a reranker"
        )
    return CrossEncoderReranker(path, device)


def _renders_pairs(folder: Folder) -> bool:
    """Whether the chat template has a place for a document, as sentence-transformers wants of rerankers."""
    template = str(folder.json("tokenizer_config.json").get("chat_template", ""))
    with contextlib.suppress(OSError, ValueError):
        template += (folder.path / "chat_template.jinja").read_text("utf-8")
    return "document" in template
