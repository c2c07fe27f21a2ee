"""Files of sequences, and indexes of them: what an index of one kind leaves out of the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qembed.corpus.formats import SEQUENCES, format_of
from qembed.sequences.recipe import sequence_recipe
from qembed.types import Document, ReadItem, Recipe, Skipped, SourceFile, Unreadable

if TYPE_CHECKING:
    from qembed.corpus import ReadOptions
    from qembed.models import Model

NO_TEXT = "sequences, and this is an index of texts (a new one: qembed index --alphabet NAME)"


def read_items(file: SourceFile, options: ReadOptions, recipe: Recipe) -> Iterator[ReadItem]:
    """Read a file's documents for an index of this recipe.

    An index of texts leaves files of sequences out, unopened. In one of sequences a record that is none of
    its alphabet is Unreadable, and so is one in a file of sequences; a whole file is Skipped.
    """
    is_sequences = format_of(file.name) in SEQUENCES
    found = sequence_recipe(recipe.chunker)
    if found is None and is_sequences:
        yield Skipped(os.fspath(file.location), NO_TEXT)
        return
    from qembed.corpus import read

    for item in read(file, options):
        yield item if found is None else checked(item, recipe, os.fspath(file.location))


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
