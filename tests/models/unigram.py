"""Tokenizers like XLM-RoBERTa's in small, and the files that keep their vocabulary on disk."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from qembed.models.onnx.cache import Export
from qembed.models.onnx.pieces import PieceTokenizer
from qembed.models.onnx_export import pieces as writer

ALPHABET = "abcdefgh ▁退钱الف\u0301éé①Ａ\u200b🚀"
LIMIT = 24


def unigram(seed: int = 1, bytes_too: bool = False, size: int = 400) -> Tokenizer:
    """Tokenizer like XLM-RoBERTa's, over random pieces."""
    draw = random.Random(seed)
    letters = "abcdefgh▁退钱الفé1A"
    texts = {"".join(draw.choices(letters, k=draw.randint(1, 6))) for _ in range(size)}
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    if bytes_too:
        vocab += [(f"<0x{b:02X}>", -20.0) for b in range(256)]
    vocab += [(t, -draw.uniform(1, 12)) for t in sorted(texts)]
    made = Tokenizer(models.Unigram([*vocab, ("<mask>", 0.0)], 3, bytes_too))
    made.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex("[\\u200b]"), " "), normalizers.NFKC()]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    made.decoder = decoders.Metaspace()
    made.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return made


def written(whole: Tokenizer, folder: Path) -> PieceTokenizer:
    named = writer.write_pieces(json.loads(whole.to_str()), folder)
    assert named is not None
    return PieceTokenizer(folder, LIMIT, **json.loads(json.dumps(named)))


def export_of(whole: Tokenizer, folder: Path) -> Export:
    whole.no_truncation()
    whole.save(str(folder / "tokenizer.json"))
    return Export(folder, {"pieces": writer.checked_pieces(whole, folder)})
