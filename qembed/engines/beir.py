"""BEIR's corpus file: a folder with corpus.jsonl, to which queries and judgments can be added."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from qembed.engines.new_file import check_new, new_file
from qembed.engines.passages import ExportContent
from qembed.errors import StorageError, refusal


@dataclass(frozen=True, slots=True)
class BeirTarget:
    """Folder in BEIR's form, made if there is none. Its other files stay."""

    folder: Path
    force: bool = False

    @property
    def _file(self) -> Path:
        return self.folder / "corpus.jsonl"

    def check(self) -> None:
        """Raise UsageError or StorageError for a folder that cannot be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise StorageError(f"cannot make {self.folder}: {refusal(e)}") from e
        check_new(self._file, self.force)

    def write(self, content: ExportContent) -> str:
        """Write the corpus: a document a line, as the batches give it."""
        with new_file(self._file) as part, part.open("w", encoding="utf-8", newline="\n") as file:
            for batch in content.batches:
                for p in batch.passages:
                    one = {"_id": p.document, "title": p.title, "text": p.text, "metadata": p.meta}
                    file.write(json.dumps(one, ensure_ascii=False, default=str) + "\n")
        return str(self._file)
