"""The token that every text must end with, for models whose vector is read off it."""

from __future__ import annotations

from typing import Any


def keep_end(tokenizer: Any, end: str) -> bool:
    """Makes a `tokenizers.Tokenizer` put `end` behind every text, also behind one that is cut short.

    Tokenizers that do so already (the models' own) are left as they are, and so are those that have no
    such token; some copies and conversions have lost the step, and their last token is then any word. True
    if something was changed.
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
