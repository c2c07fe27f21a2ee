"""File formats of queries, judgments and runs, recognised by content, never by name.

    read_queries   BEIR JSON lines or a JSON array {"_id", "text", "task"?, "where"?};
                   id<TAB>text with or without a header; TREC topics, classic and XML
    read_qrels     BEIR columns with a header (query-id, corpus-id, score, in any order);
                   TREC `qid iter docid grade`; three columns without a header; JSON lines
                   {"query_id", "doc_id", "relevance"}; JSON {qid: {docid: grade}}
    read_run       TREC `qid Q0 docid rank score tag`; JSON {qid: {docid: score}};
                   `qembed query --format jsonl` and `--format json`
    write_run      TREC's six columns; JSON {qid: {docid: score}} for a path that ends in .json
    read_beir      a folder of corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv

Rules of all formats:

- Files are UTF-8. A byte order mark, \\r\\n line ends and blank lines are tolerated.
- Every mistake is an error with file and line, and all of a file's mistakes are reported together.
  No line is skipped silently. An empty file is an error.
- A line that repeats an earlier one (same query and document, same grade; same query id, same text)
  is a warning, passed to `warn`. If grade or text differ, it is an error.
- Grades are whole numbers ("1.0" is one, "0.5" is not) of at most 10,000 either way: trec_eval keeps
  a counter for each grade. Negative grades mean "in the pool, not judged", as in trec_eval.
- In a run the score counts and the rank column is ignored. A document listed twice for a query is an
  error, except in qembed's hits, which are passages: a document's best one counts.
  Scores are finite numbers.
- Ids are compared as text, exactly. TREC columns are separated by blanks and tabs (C's isspace), so
  an id there may hold anything else; in tab-separated files it may hold blanks; in JSON, anything.
  Blanks around a tab-separated field are not part of it, except in a query's text, which is never
  changed.
- An id with white space cannot be written in TREC columns without being read back as something else,
  and escaping it would no longer match the judgments: `write_run` refuses, lists those ids, and names
  the JSON form, which takes any id.
- Query ids of only one of two files are reported by `check_run`, or with file and line if `read_qrels` is
  given the known ones.
"""

from __future__ import annotations

from qembed.evaluation.formats.beir import Beir, read_beir
from qembed.evaluation.formats.qrels import read_qrels
from qembed.evaluation.formats.queries import read_queries
from qembed.evaluation.formats.runs import read_run, write_run

__all__ = ["Beir", "read_beir", "read_qrels", "read_queries", "read_run", "write_run"]
