"""Classifiers without padding: torch's logits, by the whole last layer or by its first token."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.models.onnx import cross_encoder as cross_encoder_module
from qembed.models.onnx.cache import Export
from qembed.models.onnx.cross_encoder import OnnxCrossEncoder
from qembed.models.onnx.prepare import cross_encoder
from qembed.models.onnx.session import ROWS
from qembed.models.onnx_export import export as export_module
from qembed.models.onnx_export.classifiers import (
    FIRST_TOKEN,
    check_first_token,
    classifier_without_padding,
)
from qembed.models.onnx_export.parity import ParityError
from qembed.models.onnx_export.unpadded import UnsupportedArchitecture
from tests.models import tiny
from tests.models.exports import MIXED, make

pytestmark = pytest.mark.slow


def classifier(folder: Path, kind: str) -> Any:
    """A tiny classifier of that architecture."""
    from transformers import AutoModelForSequenceClassification

    made = tiny.bare(folder, kind, num_labels=1)
    return AutoModelForSequenceClassification.from_pretrained(made).eval()


def features(folder: Path) -> tuple[Any, Any, Any]:
    """Ids, mask and rows of MIXED as one batch."""
    from transformers import AutoTokenizer

    found = AutoTokenizer.from_pretrained(folder)(MIXED, padding=True, return_tensors="pt")
    mask = found["attention_mask"]
    assert 0 < int(mask.sum()) < mask.numel(), "nothing is padded"
    return found["input_ids"], mask, mask.flatten().nonzero()[:, 0]


@pytest.mark.parametrize("kind", [*FIRST_TOKEN, "distilbert"])
def test_torchs_logits_without_padding(kind: str, tmp_path: Path, quietly: None) -> None:
    import torch

    model = classifier(tmp_path / "model", kind)
    ids, mask, rows = features(tmp_path / "model")
    types = torch.arange(ids.shape[1])[None].gt(4).long().expand_as(ids) if kind == "bert" else None
    more = {} if types is None else {"token_type_ids": types}
    words = model.get_input_embeddings()(ids.flatten()[rows])
    with torch.inference_mode():
        wanted = model(input_ids=ids, attention_mask=mask, **more).logits
        assert np.ptp(wanted.numpy()) > 1e-3
        for first_token in (False, True) if kind in FIRST_TOKEN else (False,):
            with classifier_without_padding(model, False, first_token) as module:
                logits = module(ids, mask, rows, types)
            with classifier_without_padding(model, True, first_token) as module:
                by_rows = module(words, mask, rows, types)
            np.testing.assert_allclose(logits, wanted, rtol=1e-5, atol=1e-5)
            np.testing.assert_array_equal(by_rows, logits)
        after = model(input_ids=ids, attention_mask=mask, **more).logits
    np.testing.assert_array_equal(after, wanted)
    if kind in FIRST_TOKEN:
        check_first_token(model)
    else:
        with pytest.raises(UnsupportedArchitecture, match=kind):
            check_first_token(model)


def test_the_last_layer_computes_the_first_token_of_each_pair(
    tmp_path: Path, quietly: None
) -> None:
    import torch

    model = classifier(tmp_path / "model", "bert")
    ids, mask, rows = features(tmp_path / "model")
    seen: list[int] = []
    for layer in model.bert.encoder.layer:
        layer.intermediate.register_forward_hook(lambda _, given, out: seen.append(out.shape[1]))
    with torch.inference_mode(), classifier_without_padding(model, False, True) as module:
        module(ids, mask, rows)
    assert seen == [len(rows), len(ids)]


def test_a_head_that_reads_more_gets_the_whole_last_layer(
    tmp_path: Path, quietly: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its check finds it; without that, its scores do."""
    from transformers.models.bert.modeling_bert import BertPooler

    def pooled(self: Any, states: Any) -> Any:
        second = states[:, min(1, states.shape[1] - 1)]
        return self.activation(self.dense(states[:, 0] - second))

    monkeypatch.setattr(BertPooler, "forward", pooled)
    with pytest.raises(UnsupportedArchitecture, match="reads more than the first token"):
        check_first_token(classifier(tmp_path / "bert", "bert"))
    monkeypatch.setattr(export_module, "check_first_token", lambda model: None)
    folder = tiny.classifier(tmp_path / "model")
    tried: list[bool] = []
    real = export_module._unpadded_cross_encoder

    def method(request: dict[str, Any], first_token: bool = False) -> Any:
        tried.append(first_token)
        return real(request, first_token)

    monkeypatch.setattr(export_module, "_unpadded_cross_encoder", method)
    export = make(cross_encoder(folder, str(folder), "cpu"), tmp_path / "export")
    assert tried == [True, False]
    assert ROWS in export.facts["inputs"]
    # the export's check has compared its scores with torch's
    assert np.ptp(OnnxCrossEncoder(export).logits([("fox", t) for t in MIXED])) > 1e-2


@pytest.mark.parametrize("drift", [0, 1])
def test_scores_that_depend_on_the_batch_are_not_exported(
    drift: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Drifting:
        def __init__(self, export: Export) -> None:
            pass

        def logits(self, pairs: list[tuple[str, str]]) -> Any:
            return np.full(len(pairs), drift * len(pairs), np.float32)

    monkeypatch.setattr(cross_encoder_module, "OnnxCrossEncoder", Drifting)
    monkeypatch.setattr(
        export_module,
        "_unpadded_cross_encoder",
        lambda request, first_token: ({}, lambda export: None),
    )
    _, check = export_module._first_token_cross_encoder({})
    with pytest.raises(ParityError, match="beside others") if drift else nullcontext():
        check(Export(tmp_path, {}))
