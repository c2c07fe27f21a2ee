"""K-mers as index terms: BM25 on the words that a sequence has, all stretches of k units.

A k-mer is marked, so that no word of a title is taken for one: titles are indexed beside it as words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from qembed.search.lexical.analyzer import characters_of, terms_of
from qembed.search.lexical.query import ParsedQuery, parse_query
from qembed.sequences.recipe import SequenceRecipe, sequence_recipe

LONGEST_WORD = 20
"""Characters of a text that may be a word of a title as well as a sequence: `insulin`."""
MARK = "="
"""In front of a k-mer: no term of a text begins with it."""


def passage_terms(
    title: str, text: str, recipe: SequenceRecipe | None
) -> tuple[list[str], list[str]]:
    """Terms of a passage with its title, and its single characters; of a sequence the k-mers are terms.

    `recipe` None: of a text, to which the title counts as its first words.
    """
    if recipe is not None:
        return [*terms_of(title), *_terms(text, recipe)], characters_of(title)
    whole = f"{title}\n{text}" if title and not text.startswith(title) else text
    return terms_of(whole), characters_of(whole)


def _terms(text: str, recipe: SequenceRecipe) -> list[str]:
    return [MARK + kmer for kmer in recipe.alphabet.kmers(text, recipe.kmer)]


def parse_sequence(query: str, recipe: SequenceRecipe) -> ParsedQuery:
    """Parse a query: the k-mers of a sequence, the words of what is none; of a short text, both."""
    if recipe.alphabet.problem(query) is not None:
        return parse_query(query)
    words = terms_of(query) if len(query) <= LONGEST_WORD else []
    return ParsedQuery((*_terms(query, recipe), *words))


def query_parser(chunker: str) -> Callable[[str], ParsedQuery]:
    """Parser of queries for an index whose recipe has this chunker: words, or k-mers of sequences."""
    recipe = sequence_recipe(chunker)
    return parse_query if recipe is None else partial(parse_sequence, recipe=recipe)


def kmer_spans(text: str, query: str, recipe: SequenceRecipe) -> list[tuple[int, int]]:
    """Spans [start, end) of a text that have k-mers in common with a query, overlapping ones joined."""
    alphabet, k = recipe
    wanted = set(alphabet.kmers(query, k))
    written = text.upper() if alphabet.folds else text
    starts, ends = alphabet.bounds(written)
    found: list[tuple[int, int]] = []
    for i in range(len(starts) - k + 1):
        start, end = starts[i], ends[i + k - 1]
        here = written[start:end]
        kmers = [here] if alphabet.of_letters else alphabet.kmers(here, k)
        if not wanted.issuperset(kmers):
            continue
        if found and found[-1][1] >= start:
            start = found.pop()[0]
        found.append((start, end))
    return found
