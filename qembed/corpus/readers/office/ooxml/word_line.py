"""A paragraph of Word that is being read, and the place of the walk through a document."""

from __future__ import annotations

from dataclasses import dataclass, field

from qembed.corpus.readers.office.ooxml.blocks import Blocks
from qembed.corpus.readers.office.ooxml.package import Element, attribute
from qembed.corpus.readers.office.ooxml.word_fields import Fields

TEXT = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
"""Elements that are a character. A soft hyphen is none: its word is whole."""
_GREEK = dict(
    zip(
        "ABCDEFGHIKLMNOPQRSTUWXYZabcdefghijklmnopqrstuwxyz",
        "ΑΒΧΔΕΦΓΗΙΚΛΜΝΟΠΘΡΣΤΥΩΞΨΖαβχδεφγηιϕκλμνοπθρστυωξψζ",
        strict=True,
    )
)
"""Letters of the font Symbol."""


@dataclass(slots=True)
class Line:
    """The text of a paragraph, and the blocks that hang on it: text boxes, notes, charts."""

    words: list[str] = field(default_factory=list)
    after: Blocks = field(default_factory=Blocks)

    @property
    def is_empty(self) -> bool:
        """True if there is no text in it."""
        return not self.after.lines and not "".join(self.words).strip()

    def take(self, other: Line) -> None:
        """Append all of another one."""
        self.words += other.words
        self.after.take(other.after)


@dataclass(frozen=True, slots=True)
class Place:
    """Position of the walk: the part, the fields of its story, and settings for all text there."""

    part: str
    fields: Fields
    style: str = ""
    in_cell: bool = False
    is_hidden: bool = False
    depth: int = 0

    @property
    def is_shown(self) -> bool:
        """False in hidden text and in the code of a field."""
        return not self.is_hidden and not self.fields.in_code


def symbol(element: Element) -> str:
    """Return a character by its number in a font; a space for those of fonts of pictures."""
    code = attribute(element, "char")
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    if not 0xF000 <= number <= 0xF0FF:
        return chr(number) if 0x20 <= number < 0xD800 else " "
    letter = chr(number - 0xF000)
    return _GREEK.get(letter, letter) if attribute(element, "font") == "Symbol" else " "
