"""Options of `qembed index` that determine the stored passages and vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from qembed.cli.command import help_group
from qembed.cli.options import Chunking, ModelOption

if TYPE_CHECKING:
    from qembed.pipeline.recipe import RecipeOptions


@help_group("Model and passages")
class PassageOptions(NamedTuple):
    """Options that determine the stored passages and vectors."""

    model: ModelOption = None
    dim: Annotated[int | None, typer.Option(help="Cut vectors to so many dimensions.")] = None
    chunker: Annotated[
        Chunking | None,
        typer.Option(help="auto: passages of --max-tokens; none: one passage a document."),
    ] = None
    alphabet: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|LETTERS",
            help="Index sequences: protein, dna, rna, smiles, gate, or letters. Default: the model's.",
            show_default=False,
        ),
    ] = None
    kmer: Annotated[
        int | None,
        typer.Option(
            help="Units of the k-mers that sequences are found by. Default: protein 3, dna 11.",
            show_default=False,
        ),
    ] = None
    max_tokens: Annotated[int | None, typer.Option(help="Longest passage, in tokens.")] = None
    overlap: Annotated[
        int | None,
        typer.Option(
            help="Tokens that neighbouring passages of a section share. Default: an eighth of "
            "--max-tokens, and only where a paragraph is cut.",
            show_default=False,
        ),
    ] = None
    headings: Annotated[
        bool | None,
        typer.Option(
            "--headings/--no-headings",
            help="Encode a passage with its headings, code with its names, in front. Default: without.",
            show_default=False,
        ),
    ] = None
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME|TEXT", help="Remember this as the default task of queries."),
    ] = None

    def recipe(self) -> RecipeOptions:
        """Return the options of the recipe."""
        from qembed.pipeline.recipe import RecipeOptions
        from qembed.pipeline.sequences.chunkers import chunker_asked

        name = self.chunker.value if self.chunker else None
        chunker = chunker_asked(name, self.alphabet, self.kmer, self.headings)
        kmer = self.kmer if chunker is None else None
        return RecipeOptions(
            self.model,
            self.dim,
            chunker,
            self.max_tokens,
            self.overlap,
            self.headings,
            kmer=kmer,
        )
