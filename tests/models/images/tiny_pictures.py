"""Tiny random CLIP and SigLIP, in folders as their authors and sentence-transformers lay them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 32
"""Height and width of the pictures that the models read."""
TOKENS = 16
PROJECTION = 24

_VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": SIDE,
    "patch_size": 8,
    "initializer_range": 0.2,
}
_TEXT = {
    "hidden_size": 40,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": TOKENS,
    "initializer_range": 0.2,
}


def pictures() -> list[Image.Image]:
    """Pictures of several sizes and shapes, with edges and gradients."""
    found = []
    for n, (width, height) in enumerate(
        [(32, 32), (61, 40), (33, 90), (7, 5), (200, 31), (96, 96)]
    ):
        y, x = np.mgrid[:height, :width]
        channels = [(x * 5 + n * 40) % 256, (y * 7) % 256, ((x // 4 + y // 4) % 2) * 200]
        found.append(Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8)))
    return found


def _write(path: Path, body: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body), "utf-8")


def _clip_tokenizer(folder: Path) -> dict[str, int]:
    """CLIP's byte-level BPE without merges: lower case, `</w>` at the end of a word."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    pieces = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    merges = [("r", "e"), ("re", "d</w>"), ("t", "h"), ("th", "e</w>")]
    pieces[-2:-2] = ["".join(m) for m in merges]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=TOKENS)
    tokenizer.save_pretrained(folder)
    return vocabulary


def clip(folder: Path) -> Path:
    """A plain transformers folder of CLIP, with its preprocessor."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    vocabulary = _clip_tokenizer(folder)
    end = vocabulary["<|endoftext|>"]
    text = {**_TEXT, "vocab_size": len(vocabulary), "bos_token_id": end - 1}
    torch.manual_seed(3)
    config = CLIPConfig(
        text_config={**text, "eos_token_id": end, "pad_token_id": end},
        vision_config=_VISION,
        projection_dim=PROJECTION,
    )
    CLIPModel(config).save_pretrained(folder)
    CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    ).save_pretrained(folder)
    return folder


def siglip(folder: Path) -> Path:
    """A plain transformers folder of SigLIP: a Unigram tokenizer, no mask, padded to the full length."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    letters = "abcdefghijklmnopqrstuvwxyz0123456789./:"
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(p, -3.0) for p in ("▁", *letters)] + [("▁red", -1.0), ("▁the", -1.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_input_names": ["input_ids"],
            "model_max_length": TOKENS,
            "pad_token": "</s>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
        },
    )
    torch.manual_seed(4)
    text = {**_TEXT, "hidden_size": 32, "vocab_size": len(pieces), "projection_size": 32}
    config = SiglipConfig(text_config={**text, "pad_token_id": 1}, vision_config=_VISION)
    SiglipModel(config).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def with_sentencepiece(folder: Path, to: Path) -> Path:
    """SigLIP with the tokenizer of its authors: Python code around sentencepiece."""
    import shutil

    import sentencepiece
    from transformers import SiglipTokenizer

    shutil.copytree(folder, to)
    words = "the red car and the red house fox jumps over lazy dog rains in harbour 0123456789"
    (to / "corpus.txt").write_text("\n".join([words, *"abcdefghijklmnopqrstuvwxyz"] * 20))
    sentencepiece.SentencePieceTrainer.train(
        input=str(to / "corpus.txt"),
        model_prefix=str(to / "spiece"),
        vocab_size=43,
        hard_vocab_limit=False,
        **{"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1, "minloglevel": 3},
    )
    for name in ("tokenizer.json", "tokenizer_config.json", "corpus.txt", "spiece.vocab"):
        (to / name).unlink()
    SiglipTokenizer(str(to / "spiece.model"), model_max_length=TOKENS).save_pretrained(to)
    return to


def as_saved_by_sentence_transformers(folder: Path, to: Path) -> Path:
    """The model as today's sentence-transformers saves it: modules.json, its modalities in a file."""
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(str(folder), device="cpu").save_pretrained(str(to))
    return to


def as_clip_of_before(folder: Path, to: Path) -> Path:
    """CLIP as sentence-transformers saved it before 5.4, like clip-ViT-B-32: a module CLIPModel."""
    import shutil

    shutil.copytree(folder, to / "0_CLIPModel")
    module = {"idx": 0, "name": "0", "path": "0_CLIPModel"}
    _write(to / "modules.json", [{**module, "type": "sentence_transformers.models.CLIPModel"}])
    return to
