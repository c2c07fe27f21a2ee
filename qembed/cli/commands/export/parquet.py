"""`qembed export parquet`: passages, metadata and vectors as one table."""

from __future__ import annotations

from qembed.cli.commands.export.export_options import ForceOption, OutputArgument, run
from qembed.cli.console import Console
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietOption


def parquet(
    path: OutputArgument,
    force: ForceOption = False,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Write passages, metadata and vectors as a Parquet file, which DuckDB, pandas and polars read.

    \b
    qembed export parquet passages.parquet
    duckdb -c "SELECT document, m_lang FROM 'passages.parquet' LIMIT 5"

    Exit codes: 0 done; 2 cannot run.
    """
    from qembed.engines.parquet import ParquetTarget

    run(ParquetTarget(path, force), index_dir, format, Console(quiet), files=[path])
