"""Files of sequences, and indexes of them: what an index of one kind leaves out of the other."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qembed.corpus.formats import SEQUENCES, format_of
from qembed.sequences.alphabet import ALPHABETS, Alphabet
from qembed.sequences.recipe import sequence_recipe
from qembed.types import (
    Document,
    LeftOut,
    ReadItem,
    ReadWarning,
    Recipe,
    Skipped,
    SourceFile,
    Unreadable,
)

if TYPE_CHECKING:
    from qembed.corpus import ReadOptions
    from qembed.models import Model

NO_TEXT = "sequences, and this is an index of texts (a new one: qembed index --alphabet NAME)"


TYPED = frozenset(("annotated", "smiles", "bench", "verilog"))
"""Formats that say of each sequence what it is of, whatever its letters."""


def read_items(file: SourceFile, options: ReadOptions, recipe: Recipe) -> Iterator[ReadItem]:
    """Read a file's documents for an index of this recipe.

    An index of texts leaves files of sequences out, unopened. In one of sequences those that the file says to
    be of another alphabet are LeftOut, or the file Skipped if there are no others. A record that is none of
    the alphabet is Unreadable, and so is one in a file of sequences; a whole file is Skipped.
    """
    where, form = os.fspath(file.location), format_of(file.name)
    found = sequence_recipe(recipe.chunker)
    if found is None and form in SEQUENCES:
        yield Skipped(where, NO_TEXT)
        return
    from qembed.corpus import read

    if found is None:
        yield from read(file, options)
        return
    others: Counter[str] = Counter()
    alone = True
    for item in read(file, options):
        if form in TYPED and (other := other_type(item, found.alphabet)):
            others[other] += 1
            continue
        alone &= isinstance(item, LeftOut | ReadWarning)
        yield checked(item, recipe, where)
    if others and alone:
        names = " and ".join(others)
        yield Skipped(
            where, f"of the alphabet {names}, and this is an index of {found.alphabet.name}"
        )
        return
    for name, count in others.items():
        yield LeftOut(where, f"{name} sequence", count)


def other_type(item: ReadItem, alphabet: Alphabet) -> str | None:
    """Alphabet of a sequence of TYPED files where it is not this one; letters named one by one fit or not."""
    if not isinstance(item, Document):
        return None
    stated = str(item.meta.get("alphabet") or "")
    if not stated or stated == alphabet.name:
        return None
    fits = alphabet.name not in ALPHABETS and alphabet.record_problem(item.text) is None
    return None if fits else stated


def checked(item: ReadItem, recipe: Recipe, where: str) -> ReadItem:
    """The item, or the failure of a document that is no sequence of the recipe's alphabet."""
    found = sequence_recipe(recipe.chunker)
    if found is None or not isinstance(item, Document):
        return item
    problem = found.alphabet.record_problem(item.text)
    if problem is None:
        return item
    if item.line is None and item.meta.get("kind") != "sequence":
        return Skipped(where, f"no sequence of the alphabet {found.alphabet.name}")
    return Unreadable(where, f"{item.id}: {problem}", item.line)


def model_note(model: Model, recipe: Recipe) -> str | None:
    """Note on a model of language that an index of sequences is made with, None for one that reads them."""
    found = sequence_recipe(recipe.chunker)
    if found is None or model.profile.alphabet:
        return None
    name = found.alphabet.name
    return (
        f"{model.name} is a model of language and does not read {name} sequences: its vectors say little, "
        "and k-mers alone are searched by --mode lexical (qembed train sequence makes a model)"
    )
