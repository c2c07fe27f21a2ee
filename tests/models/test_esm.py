"""ESM-2: its tokenizer, which is in Python alone, made anew; its vectors as transformers gives them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.models import open_model
from qembed.models.profiles import profile_for

pytestmark = pytest.mark.slow
LETTERS = "LAGVSERTIDPKQNFYMHWCXBUZO.-"


@pytest.fixture(scope="module")
def esm(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> tuple[Path, Any]:
    import torch
    from transformers import EsmConfig, EsmModel, EsmTokenizer

    folder = tmp_path_factory.mktemp("esm") / "esm2_t2_1M_UR50D"
    folder.mkdir()
    vocabulary = ["<cls>", "<pad>", "<eos>", "<unk>", *LETTERS, "<null_1>", "<mask>"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = EsmTokenizer(str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = EsmConfig(
        vocab_size=33, mask_token_id=32, pad_token_id=1, hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=64, max_position_embeddings=130,
        position_embedding_type="rotary", token_dropout=True,
    )  # fmt: skip
    EsmModel(config).save_pretrained(folder)
    return folder, tokenizer


def test_the_tokens_are_esm_s_own(esm: tuple[Path, Any]) -> None:
    folder, own = esm
    made = open_model(str(folder)).tokenizer()
    rng = random.Random(0)
    texts = ["", "MKT", "MKJT", "MJJT", "mkt", "M<mask>KT", "MK T\nA", "<unk>M"]
    texts += ["".join(rng.choices(LETTERS + "J", k=rng.randint(1, 80))) for _ in range(50)]
    for text in texts:
        assert made.encode(text).ids == own(text)["input_ids"], text


def test_the_vectors_are_the_means_of_its_states(
    esm: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import EsmModel

    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    folder, own = esm
    profile = profile_for("facebook/esm2_t6_8M_UR50D", folder)
    assert (profile.name, profile.alphabet, profile.pooling) == ("ESM-2", "protein", "mean")
    texts = ["MKTAYIAKQR", "GG", "MKTAYIAKQRQISFVKSHFSRQLEERLGL" * 3]
    model = EsmModel.from_pretrained(folder).eval()
    wanted = []
    with torch.no_grad():
        for text in texts:
            states = model(**own(text, return_tensors="pt"))[0][0]
            mean = states.mean(dim=0).numpy()
            wanted.append(mean / np.linalg.norm(mean))
    found = open_model(str(folder)).encoder().encode(texts)
    np.testing.assert_allclose(found, np.stack(wanted), atol=1e-5)
