"""Qwen's vector is that of the end token: it is there whatever the folder's tokenizer does, cut or whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, processors

from qembed.models import open_model
from qembed.models.tokenization import keep_end
from tests.models import reference, tiny
from tests.models.tiny import END, POSITIONS, TEXTS

pytestmark = pytest.mark.slow


def without_end(folder: Path, to: Path, processor: dict | None) -> Path:
    """A copy whose tokenizer no longer puts the end token there."""
    made = tiny.copy(folder, to)
    path = made / "tokenizer.json"
    body = json.loads(path.read_text("utf-8"))
    body["post_processor"] = processor
    path.write_text(json.dumps(body), "utf-8")
    return made


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True}


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("processor", [None, BYTES], ids=["none", "bytes"])
def test_a_tokenizer_that_lost_it(
    qwen: dict[str, Path], tmp_path: Path, side: str, processor: dict | None
) -> None:
    lost = without_end(qwen[side], tmp_path / "Qwen3-Embedding-0.6B", processor)
    model = open_model(str(lost), device="cpu")
    whole = open_model(str(qwen[side]))
    assert model.count(TEXTS) == whole.count(TEXTS)
    assert max(model.count(TEXTS)) > POSITIONS  # one of them is cut
    # the reference reads the tokenizer that has it, and keeps it by hand when it cuts
    expected = reference.vectors(qwen[side], TEXTS, "lasttoken", POSITIONS)
    np.testing.assert_allclose(model.encoder().encode(TEXTS), expected, rtol=0, atol=1e-5)


def test_one_that_has_it_is_left_alone(qwen: dict[str, Path]) -> None:
    tokenizer = Tokenizer.from_file(str(qwen["left"] / "tokenizer.json"))
    before = tokenizer.to_str()
    assert not keep_end(tokenizer, END)
    assert not keep_end(tokenizer, "")
    assert not keep_end(tokenizer, "<|no-such-token|>")
    assert tokenizer.to_str() == before


def test_twice_is_once(qwen: dict[str, Path]) -> None:
    tokenizer = Tokenizer.from_file(str(qwen["left"] / "tokenizer.json"))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    assert keep_end(tokenizer, END)
    assert not keep_end(tokenizer, END)
    ids = tokenizer.encode("a fox").ids
    assert ids.count(tokenizer.token_to_id(END)) == 1
    tokenizer.enable_truncation(3)
    assert tokenizer.encode("a fox and a dog").ids[-1] == tokenizer.token_to_id(END)
    assert len(tokenizer.encode("a fox and a dog").ids) == 3
