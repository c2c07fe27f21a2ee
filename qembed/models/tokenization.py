"""Token counts without a tokenizer, and the end token that some models read their vector off."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from qembed.errors import ModelUnavailable

# a Chinese, Japanese, Thai, … letter is about a token; other words are one, and so is every mark
_ONE_LETTER_TOKENS = "\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"


@cache
def _token() -> re.Pattern[str]:
    return re.compile(rf"[{_ONE_LETTER_TOKENS}]|[^\W{_ONE_LETTER_TOKENS}]+|[^\w\s]")


def count_words(texts: Sequence[str]) -> list[int]:
    """Approximate token counts without a tokenizer: words, marks and two special tokens of each text."""
    return [len(_token().findall(t)) + 2 for t in texts]


def keep_end(tokenizer: Any, end: str) -> bool:
    """Make a `tokenizers.Tokenizer` put the token `end` behind every text, truncated ones included.

    Some copies and conversions of models have lost this step; their vector would be read off any word.
    Returns True if the tokenizer was changed: not if it does so already, or has no such token.
    """
    number = tokenizer.token_to_id(end) if end else None
    if number is None or tokenizer.encode("a").ids[-1:] == [number]:
        return False
    from tokenizers import processors

    behind = processors.TemplateProcessing(
        single=f"$A {end}", pair=f"$A $B {end}", special_tokens=[(end, number)]
    )
    before = tokenizer.post_processor
    tokenizer.post_processor = behind if before is None else processors.Sequence([before, behind])
    return True


def backend_of(loaded: Any) -> Any:
    """The `tokenizers.Tokenizer` of a tokenizer of transformers.

    Those of ESM and SigLIP have none, as they are in Python alone: one with the same tokens is made. Raises
    ModelUnavailable for others of that kind.
    """
    found = getattr(loaded, "backend_tokenizer", None)
    if found is not None:
        return found
    if type(loaded).__name__ == "SiglipTokenizer":
        return _of_siglip(loaded)
    if type(loaded).__name__ != "EsmTokenizer":
        raise ModelUnavailable(
            f"{type(loaded).__name__}: a tokenizer in Python alone, which is not read"
        )
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

    vocabulary: dict[str, int] = loaded.get_vocab()
    letters = "".join(re.escape(t) for t in vocabulary if len(t) == 1)
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=loaded.unk_token))
    tokenizer.add_special_tokens([t for t in vocabulary if len(t) > 1])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(Regex(f"[{letters}]|[^{letters}]+"), "isolated"),
        ]
    )
    begin, end = loaded.cls_token, loaded.eos_token
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}", special_tokens=[(t, vocabulary[t]) for t in (begin, end)]
    )
    return tokenizer


def _of_siglip(loaded: Any) -> Any:
    """Tokenizer of SigLIP's pieces, which its authors read without punctuation and capitals."""
    import string

    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    # by its full name: the package has a function of this name once its tokenizers are loaded
    library: Any = importlib.import_module("transformers.convert_slow_tokenizer")
    model = library.import_protobuf().ModelProto.FromString(
        loaded.sp_model.serialized_model_proto()
    )
    pieces = [(piece.piece, piece.score) for piece in model.pieces]
    marks = "".join(re.escape(mark) for mark in string.punctuation)
    steps: list[Any] = [normalizers.Lowercase()] if loaded.do_lower_case else []
    steps.append(normalizers.Replace(Regex(f"[{marks}]"), ""))
    if characters := model.normalizer_spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(characters))
    steps += [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=model.trainer_spec.unk_id))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    end = loaded.eos_token
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {end}",
        pair=f"$A {end} $B {end}",
        special_tokens=[(end, loaded.convert_tokens_to_ids(end))],
    )
    return tokenizer


def no_special_tokens(tokenizer: Any) -> None:
    """Make a `tokenizers.Tokenizer` add no special tokens, as StaticEmbedding reads texts."""
    from tokenizers import processors

    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A", pair="$A $B", special_tokens=[]
    )
