"""Readers and writers of queries, judgments and runs. Forms are recognised by content, never by name.

    read_queries   JSON lines or a JSON array of {"_id", "text", "task"?, "where"?}; a JSON object
                   {id: text}, {id: {"text"}} or {"queries": […]}; id<TAB>text; TSV or CSV with a
                   header; TREC topics, classic and XML
    read_qrels     TSV, CSV or blanks with a header, in any order of columns; without one TREC
                   `qid iter docid grade` or `qid docid grade`; JSON lines; JSON {qid: {docid: grade}}
    read_run       TREC `qid Q0 docid rank score tag`; TSV, CSV or blanks with a header; JSON
                   {qid: {docid: score}}; `qembed query --format jsonl` and `--format json`
    write_run      TREC's six columns; JSON {qid: {docid: score}} for a path that ends in .json
    read_beir      a folder of corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, each also .gz or .zst

Rules for all of them:

- Files are UTF-8, or UTF-16 and UTF-32 with a byte order mark. \\r\\n line ends and blank lines are
  tolerated. gzip, zstd, bzip2 and xz are recognised by their first bytes, in pipes too.
- Every mistake is an error with file and line, and all of a file's mistakes are reported at once.
  No line is skipped in silence. A file with nothing in it is an error.
- A line of # alone or of # and a blank is a comment. Comments that look like rows are a warning.
- Headers are read by meaning: `column_names` has the spellings. A header that lacks a wanted column is
  an error that names the columns there are and those wanted. `table_layout` has the rules of tables.
- A line that repeats an earlier one (same query and document, same grade or score; same query id,
  same text) is a warning, given to `warn`. If grade, score or text differ it is an error.
- Grades are whole numbers ("1.0" and "1e0" are, "0.5" is not) of at most 10,000 either way: trec_eval
  keeps a counter for each grade. Negative grades mean "in the pool, not judged", as in trec_eval.
  true and yes are 1, false and no are 0 in files without other grades.
- In a run the score decides and the rank column is ignored, except under a header without a score.
  Scores inf and -inf are above and below all others, ordered as trec_eval orders them; NaN is an
  error. In qembed's hits, which are passages, a document counts by its best one.
- Ids are compared as text, exactly. TREC columns are separated by blanks and tabs (C's isspace), so
  an id there may hold anything else; in files separated by tabs or commas it may hold blanks; in
  JSON, anything. Blanks around a cell are not part of it, except in a query's text, which is never
  changed.
- `write_run` writes ids that TREC columns cannot hold in quotes with escapes (`trec_ids`), and warns
  with their number; the JSON form takes any id.
- A query id that only one of two files knows is reported by `check_run`, or with file and line when
  `read_qrels` is given the known ones.
"""

from __future__ import annotations

from qembed.evaluation.formats.beir import Beir, corpus_file_name, read_beir
from qembed.evaluation.formats.qrels import read_qrels
from qembed.evaluation.formats.queries import read_queries
from qembed.evaluation.formats.runs import read_run, write_run

__all__ = [
    "Beir",
    "corpus_file_name",
    "read_beir",
    "read_qrels",
    "read_queries",
    "read_run",
    "write_run",
]
