"""Parquet: passages, metadata and vectors as one table, for DuckDB, pandas, polars and others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qembed.engines.arrow_table import record_batches, schema
from qembed.engines.new_file import check_new, new_file
from qembed.engines.passages import ExportContent


@dataclass(frozen=True, slots=True)
class ParquetTarget:
    """Parquet file. Vectors are plain lists, which every reader knows."""

    path: Path
    force: bool = False

    def check(self) -> None:
        """Raise UsageError or StorageError for a path that cannot be written."""
        check_new(self.path, self.force)

    def write(self, content: ExportContent) -> str:
        """Write the file, a row group a batch."""
        import pyarrow.parquet as pq

        arrow = schema(content.fields, content.dim, fixed=False)
        with (
            new_file(self.path) as part,
            pq.ParquetWriter(part, arrow, compression="zstd") as writer,
        ):
            for batch in record_batches(content, fixed=False):
                writer.write_batch(batch)
        return str(self.path)
