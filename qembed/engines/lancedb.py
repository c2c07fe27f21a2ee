"""LanceDB: a table in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from qembed.engines.address import check_name
from qembed.engines.arrow_table import record_batches, schema
from qembed.engines.passages import ExportContent
from qembed.errors import EngineError, UsageError


@dataclass(frozen=True, slots=True)
class LanceTarget:
    """Table `name` in the database at `folder`, which is made if there is none."""

    folder: str
    name: str
    force: bool = False

    def check(self) -> None:
        """Raise UsageError without the client and for a table that is there, EngineError for no database."""
        check_name(self.name)
        if find_spec("lancedb") is None:
            raise UsageError("LanceDB needs its client (pip install 'qembed-search[lancedb]')")
        if "://" in self.folder and "@" in self.folder:
            raise UsageError("an address with secrets in it: they come from the environment")
        if self._is_there() and not self.force:
            raise UsageError(f"{self.folder} has a table {self.name} already (--force replaces it)")

    def write(self, content: ExportContent) -> str:
        """Write the table. One that is replaced keeps its versions: readers see the old rows or the new."""
        mode = "overwrite" if self._is_there() else "create"
        try:
            table = self._database().create_table(
                self.name,
                data=record_batches(content, fixed=True),
                schema=schema(content.fields, content.dim, fixed=True),
                mode=mode,
            )
            written = int(table.count_rows())
        except (OSError, RuntimeError, ValueError) as e:
            raise EngineError(f"LanceDB at {self.folder}: {_first(e)}") from e
        if written != content.total:
            raise EngineError(
                f"LanceDB at {self.folder}: {self.name} has {written:,} rows, {content.total:,} are wanted"
            )
        return f"{self.folder}, table {self.name}"

    def _database(self) -> Any:
        import lancedb

        return lancedb.connect(self.folder)

    def _is_there(self) -> bool:
        try:
            self._database().open_table(self.name)
        except (ValueError, FileNotFoundError):
            return False
        except (OSError, RuntimeError) as e:
            raise EngineError(f"LanceDB at {self.folder}: {_first(e)}") from e
        return True


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
