"""Model of a first index, chosen by the scripts of its documents (`--model auto`).

MiniLM was trained on English. A sample of the documents is read before the run; if much of it is in scripts
that MiniLM does not read, the multilingual model is taken, where its files are here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from qembed.models.builtin.registry import BUILTIN
from qembed.search.lexical.query import script_of_letter
from qembed.types import Document

if TYPE_CHECKING:
    from qembed.pipeline.indexing.sources import Sources
    from qembed.types import ReadItem, SourceFile

SETTING = "model_choice"
"""Name of the choice in the settings of a manifest."""
ENGLISH, MULTILINGUAL = "minilm", "multilingual"
MOST_UNREAD = 0.1
"""Share of the text from which on the English model is not taken."""
FILES, DOCUMENTS, CHARS = 64, 16, 4000
"""Size of a sample: files, evenly spaced; documents of each; characters of each document."""
LARGEST_FILE = 4 << 20
"""Bytes beyond which a file is not read twice."""
_IDEOGRAPHS = ("Han", "Hiragana", "Katakana", "Hangul")
_WEIGHT = 3
"""Letters of other scripts that one of these stands for: a word has one or two of them."""

_NO_LETTERS = bytes(b for b in range(128) if not chr(b).isalpha())


class ModelChoice(NamedTuple):
    """Chosen model. `spec`; `why`: the reason; `unread`: share of the text that MiniLM does not read.

    `advice`: line for the user, "" if nothing is to be said.
    """

    spec: str
    why: str
    unread: float
    advice: str = ""

    def setting(self) -> dict[str, object]:
        """Values for the manifest's settings."""
        return {"spec": self.spec, "why": self.why, "unread": round(self.unread, 3)}


class ScriptCount:
    """Letters of documents by script, weighted by what a letter stands for."""

    def __init__(self) -> None:
        self.letters: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """Count the letters of the beginning of a text."""
        text = text[:CHARS]
        if text.isascii():
            self.letters["Latin"] += len(text.encode().translate(None, _NO_LETTERS))
            return
        for character, n in Counter(text).items():
            if character.isalpha():
                script = script_of_letter(character)
                self.letters[script] += n * (_WEIGHT if script in _IDEOGRAPHS else 1)

    def through(self, items: Iterable[ReadItem]) -> Iterator[ReadItem]:
        """Pass documents on, counted."""
        for item in items:
            if isinstance(item, Document):
                self.add(item.text)
            yield item

    @property
    def unread(self) -> float:
        """Share of the letters that are not Latin."""
        total = sum(self.letters.values())
        return 1 - self.letters["Latin"] / total if total else 0.0

    @property
    def scripts(self) -> str:
        """Names of the most frequent scripts but Latin, at most three."""
        return ", ".join([s for s, _ in self.letters.most_common() if s != "Latin"][:3])


def choose_model(count: ScriptCount) -> ModelChoice:
    """Choose the model of a first index by the letters of its sample."""
    share, scripts = count.unread, count.scripts
    if share < MOST_UNREAD:
        return ModelChoice(ENGLISH, "the sampled text is in Latin script", share)
    from qembed.models.builtin.source import is_here

    why = f"{share:.0%} of the sampled text is in scripts that {ENGLISH} does not read ({scripts})"
    if is_here(MULTILINGUAL):
        return ModelChoice(MULTILINGUAL, why, share, f"model {MULTILINGUAL}: {why}")
    install = BUILTIN[MULTILINGUAL].install
    advice = f"model {ENGLISH}: {why}; a model that does: {install}, then {_rebuild()}"
    return ModelChoice(ENGLISH, f"{why}, and {MULTILINGUAL} is not installed", share, advice)


def changed_picture(chosen: str, count: ScriptCount) -> str:
    """Line on new documents that the chosen model does not read, "" if it reads them."""
    if chosen != ENGLISH or count.unread < MOST_UNREAD:
        return ""
    return (
        f"{count.unread:.0%} of the new text is in scripts that {ENGLISH} does not read "
        f"({count.scripts}): {_rebuild()}"
    )


def _rebuild() -> str:
    return f"qembed index --rebuild --model {MULTILINGUAL}"


def sample_files(files: list[SourceFile], sources: Sources, count: ScriptCount) -> None:
    """Count the letters of some documents of the files. What cannot be read is told by the run itself."""
    from itertools import islice

    from qembed.corpus import read
    from qembed.corpus.formats import SEQUENCES, format_of
    from qembed.pipeline.source_options import read_options

    files = [f for f in files if format_of(f.name) not in SEQUENCES]
    small = [f for f in files if f.size <= LARGEST_FILE] or files[:1]
    step = max(1, len(small) // FILES)
    for file in small[::step][:FILES]:
        documents = read(file, read_options(sources.by_path[file.source]))
        for _ in islice(count.through(documents), DOCUMENTS):
            pass


def sample_records(records: Iterable[ReadItem], count: ScriptCount) -> Iterator[ReadItem]:
    """Count the letters of the first records, and return all of them."""
    from itertools import chain, islice

    rest = iter(records)
    first = list(islice(count.through(rest), FILES * DOCUMENTS))
    return chain(first, rest)
