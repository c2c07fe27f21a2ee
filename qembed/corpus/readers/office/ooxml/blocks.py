"""Text that is being collected from a part of an Office file, and the parts left out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from qembed.corpus.readers.converted import Omitted

MAX_LABEL = 100
"""Characters of a name of something that was left out."""


@dataclass(slots=True)
class Blocks:
    """Paragraphs, tables and the like in their order, and what was left out of them by kind."""

    lines: list[str] = field(default_factory=list)
    omitted: Counter[str] = field(default_factory=Counter)

    def add(self, text: str) -> None:
        """Append a block, unless it is empty."""
        if text.strip():
            self.lines.append(text)

    def take(self, other: Blocks) -> None:
        """Append all that another one holds."""
        self.lines += other.lines
        self.omitted.update(other.omitted)

    def omit(self, kind: str, *names: str) -> None:
        """Count a part as left out, under the first of the names that is not empty."""
        label = next((" ".join(name.split()) for name in names if name.strip()), "")
        self.omitted[f"{kind}: {label[:MAX_LABEL]}" if label else kind] += 1

    def text(self) -> str:
        """The blocks with an empty line between them, without soft hyphens."""
        return "\n\n".join(self.lines).replace("\xad", "")

    def left_out(self) -> Iterator[Omitted]:
        """Parts that were left out, in reading order."""
        for what, count in self.omitted.items():
            yield Omitted(what, count)
