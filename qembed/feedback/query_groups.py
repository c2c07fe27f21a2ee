"""Groups of queries that ask the same, by their words. Imports nothing heavy: each query looks itself up."""

from __future__ import annotations

import unicodedata


def normalise_query(text: str) -> str:
    """Text of a query for grouping: compatibility forms, case, blanks and punctuation at the ends removed."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return plain.strip(" \t?!.,;:\"'¿¡。？！，；：") or plain
