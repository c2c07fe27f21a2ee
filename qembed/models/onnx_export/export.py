"""Export of a torch model to an ONNX graph, checked against the model. Runs in a process of its own:

    python -m qembed.models.onnx_export.export < JSON {kind, folder, out, pooling, max_tokens, revision, role}

Exit code 0 and a complete export in `out`; else the reason in the file `reason` there. A process of its own
keeps memory, threads, output and crashes of the exporter away from the caller.
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.models.environment import RUNTIME, cpu, version
from qembed.models.model_folder import Folder
from qembed.models.onnx.cache import LIBRARIES, TOKENIZER, Export, write_facts
from qembed.models.onnx.session import ROWS, TYPES
from qembed.models.onnx_export.batch_invariance import batch_invariant_modules, is_batch_invariant
from qembed.models.onnx_export.classifiers import check_first_token, classifier_without_padding
from qembed.models.onnx_export.graph import write_graph, write_tokenizer, write_word_table
from qembed.models.onnx_export.parity import (
    PROBES,
    ParityError,
    check_scores,
    check_vectors,
    long_text,
    paired,
    shapes,
)
from qembed.models.onnx_export.towers import image_tower, text_tower
from qembed.models.onnx_export.unpadded import UnsupportedArchitecture, without_padding

if TYPE_CHECKING:
    from qembed.models.torch_encoder import TorchEncoder

REASON = "reason"
LONG_WORDS = 120
"""Words beside which a pair is padded in a batch that must not change its score."""

Check = Callable[[Export], None]
"""Compares an export with its torch model. Raises ParityError."""
Method = Callable[[dict[str, Any]], tuple[dict[str, Any], Check]]
"""Writes the graph and tokenizer of a request; returns facts for export.json, and the check."""


def export_model(request: dict[str, Any]) -> None:
    """Write a complete, checked export into the folder `out`. Raises whatever the exporter raises.

    Encoders and cross-encoders are exported without padding if that succeeds, else with padding; the last
    layer of a cross-encoder for the first token alone, else whole.
    """
    methods: dict[str, tuple[Method, ...]] = {
        "encoder": (_unpadded_encoder, _padded_encoder),
        "cross": (_first_token_cross_encoder, _unpadded_cross_encoder, _padded_cross_encoder),
        "qwen": (_qwen_reranker,),
        "image": (image_tower,),
    }
    if request["kind"] == "encoder" and Folder(Path(request["folder"])).has_towers:
        methods["encoder"] = (_text_tower,)
    *others, last = methods[request["kind"]]
    with warnings.catch_warnings():  # from inside the exporter
        warnings.simplefilter("ignore")
        for method in others:
            try:
                return export_by(method, request)
            except OSError:
                raise  # a full disk says nothing about the model
            except Exception:
                _clear(Path(request["out"]))
        return export_by(last, request)


def export_by(method: Method, request: dict[str, Any]) -> None:
    """Export by one method, check the export, and write its export.json."""
    out = Path(request["out"])
    facts, check = method(request)
    facts |= {
        "kind": request["kind"],
        "revision": request["revision"],
        "pooling": request["pooling"],
        "versions": {n: version(n) for n in LIBRARIES},
        "cpu": cpu(),
    }
    check(Export(out, facts))
    write_facts(out, facts)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


# ── kinds ────────────────────────────────────────────────────────────────────────────────────────


def _unpadded_encoder(request: dict[str, Any]) -> tuple[dict[str, Any], Check]:
    """Encoder that computes nothing for padding. Raises UnsupportedArchitecture."""
    encoder = _torch_encoder(request)
    words, facts = write_word_table(getattr(encoder._model[0], "model", None), Path(request["out"]))
    with without_padding(encoder._model, bool(facts)) as module:
        return _encoder_graph(encoder, module, [words, "attention_mask", ROWS], request, facts)


def _padded_encoder(request: dict[str, Any]) -> tuple[dict[str, Any], Check]:
    import torch

    encoder = _torch_encoder(request)

    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.steps = batch_invariant_modules(encoder._model)

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            output = {"input_ids": input_ids, "attention_mask": attention_mask}
            for step in self.steps:
                output = step(output)
            return output["sentence_embedding"], output["token_embeddings"]

    return _encoder_graph(encoder, Wrapped().eval(), ["input_ids", "attention_mask"], request, {})


def _text_tower(request: dict[str, Any]) -> tuple[dict[str, Any], Check]:
    return text_tower(_torch_encoder(request), request)


def _torch_encoder(request: dict[str, Any]) -> TorchEncoder:
    from qembed.models.torch_encoder import TorchEncoder

    folder, limit = Path(request["folder"]), int(request["max_tokens"])
    # the order of batches does not matter here: no text is counted
    encoder = TorchEncoder(
        folder,
        -1,
        request["pooling"],
        limit,
        lambda ts: [1] * len(ts),
        device="cpu",
        role=request["role"],
    )
    encoder.dim = int(encoder._model.get_embedding_dimension() or 0)
    if any(getattr(m, "include_prompt", True) is False for m in encoder._model.children()):
        raise UnsupportedArchitecture(
            "its pooling leaves out the prompt, whose end a graph is not told"
        )
    return encoder


def _encoder_graph(
    encoder: TorchEncoder,
    module: Any,
    inputs: list[str],
    request: dict[str, Any],
    more: dict[str, Any],
) -> tuple[dict[str, Any], Check]:
    """Graph of a module that returns vectors and token states. `more`: facts about it."""
    from qembed.models.onnx.encoder import STATES, VECTOR, OnnxEncoder

    out = Path(request["out"])
    write_graph(module, inputs, [VECTOR, STATES], out, more.get("table"))
    facts = {"inputs": inputs, **more, **write_tokenizer(encoder._model.tokenizer, out)}

    def check(export: Export) -> None:
        ours = OnnxEncoder(export, encoder.dim, int(request["max_tokens"]))
        for texts in shapes():
            check_vectors(encoder.encode(texts), ours.encode(texts))
            for a, b in zip(encoder.encode_tokens(texts), ours.encode_tokens(texts), strict=True):
                check_vectors(a, b)
        facts["apart"] = is_batch_invariant(ours.encode, PROBES)

    return facts, check


def _first_token_cross_encoder(request: dict[str, Any]) -> tuple[dict[str, Any], Check]:
    """Cross-encoder without padding whose last layer computes the first token alone. Raises the same."""
    from qembed.models.onnx.cross_encoder import OnnxCrossEncoder

    facts, check_logits = _unpadded_cross_encoder(request, first_token=True)

    def check(export: Export) -> None:
        check_logits(export)
        ours = OnnxCrossEncoder(export)

        def logits(texts: list[str]) -> Any:
            return ours.logits([(PROBES[1], t) for t in texts])

        if not is_batch_invariant(logits, PROBES, LONG_WORDS):
            raise ParityError("a pair has another score beside others")

    return facts, check


def _unpadded_cross_encoder(
    request: dict[str, Any], first_token: bool = False
) -> tuple[dict[str, Any], Check]:
    """Cross-encoder that computes nothing for padding. Raises UnsupportedArchitecture."""
    reranker, inputs = _torch_cross_encoder(request)
    inner = reranker._model.model
    if first_token:
        check_first_token(inner)
    words, facts = write_word_table(inner, Path(request["out"]))
    inputs = [words, "attention_mask", ROWS, *inputs[2:]]
    with classifier_without_padding(inner, bool(facts), first_token) as module:
        return _cross_graph(reranker, module, inputs, request, facts)


def _padded_cross_encoder(request: dict[str, Any]) -> tuple[dict[str, Any], Check]:
    import torch

    reranker, inputs = _torch_cross_encoder(request)

    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = reranker._model.model

        def forward(
            self, input_ids: Any, attention_mask: Any, token_type_ids: Any | None = None
        ) -> Any:
            more = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
            return self.inner(input_ids=input_ids, attention_mask=attention_mask, **more).logits

    return _cross_graph(reranker, Wrapped().eval(), inputs, request, {})


def _torch_cross_encoder(request: dict[str, Any]) -> tuple[Any, list[str]]:
    """(reranker on torch, names of the arrays that its model is given)."""
    from qembed.models.rerankers.cross_encoder import CrossEncoderReranker

    reranker = CrossEncoderReranker(Path(request["folder"]), "cpu")
    probe = reranker._model.preprocess([["a query", "a passage"]])
    return reranker, [n for n in ("input_ids", "attention_mask", TYPES) if n in probe]


def _cross_graph(
    reranker: Any,
    module: Any,
    inputs: list[str],
    request: dict[str, Any],
    more: dict[str, Any],
) -> tuple[dict[str, Any], Check]:
    """Graph of a module that returns logits. `more`: facts about it."""
    from qembed.models.onnx.cross_encoder import LOGITS, OnnxCrossEncoder

    out = Path(request["out"])
    write_graph(module, inputs, [LOGITS], out, more.get("table"))
    facts = {"inputs": inputs, "max_tokens": int(reranker._limit), **more}
    facts |= write_tokenizer(reranker._model.tokenizer, out)

    def check(export: Export) -> None:
        ours = OnnxCrossEncoder(export)
        for pairs in paired(shapes()):
            check_scores(reranker.logits(pairs), ours.logits(pairs))

    return facts, check


def _qwen_reranker(request: dict[str, Any]) -> tuple[dict[str, Any], Check]:
    from qembed.models.onnx.qwen_reranker import ODDS, OnnxQwenReranker
    from qembed.models.rerankers.qwen import QwenReranker

    out = Path(request["out"])
    reranker = QwenReranker(Path(request["folder"]), device="cpu")
    inputs = ["input_ids", "attention_mask"]
    write_graph(reranker.model, inputs, [ODDS], out)
    reranker.prompts.save(out / TOKENIZER)
    facts = {"inputs": inputs}

    def check(export: Export) -> None:
        ours = OnnxQwenReranker(export)
        # few pairs: a language model takes seconds for each prompt
        for pairs in paired([[PROBES[0]], list(PROBES), [PROBES[0], long_text()]]):
            prompts = reranker.prompts.ids(pairs, [reranker.task] * len(pairs))
            check_scores(reranker.logits(pairs), ours.logits(prompts))

    return facts, check


def in_a_line(e: BaseException) -> str:
    """First line of an exporter's message, without colours and advice."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(e)).strip()
    first = next(iter(plain.splitlines()), "").partition(" This is step ")[0]
    name = "" if isinstance(e, ParityError) else f"{type(e).__name__}: "
    return (name + first)[:300]


def main() -> int:
    """Export the request on stdin. Returns the exit code."""
    import logging

    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    os.environ[RUNTIME] = "torch"  # an export must be made from torch
    request = json.load(sys.stdin)
    try:
        export_model(request)
    except OSError:
        raise  # a full disk says nothing about the model: the caller reads stderr
    except Exception as e:
        (Path(request["out"]) / REASON).write_text(in_a_line(e), "utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
