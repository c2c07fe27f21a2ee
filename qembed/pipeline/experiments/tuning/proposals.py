"""Instructions from the corpus itself: words, kinds of document, language, form of the queries, in sentences.

Only texts count, no judgment: nothing of what judges a choice goes into it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.pipeline.retrieval.fusion import is_code
from qembed.search.lexical.analyzer import STOP

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Query

SAMPLE = 300
"""Passages whose words are counted, evenly spread over the index."""
TOPIC_WORDS = 3
KINDS = {
    "source code": "py js ts java go rs c cpp h rb php sh sql cs kt swift scala",
    "documentation pages": "md rst adoc txt",
    "web pages": "html htm xhtml",
    "e-mails": "eml mbox msg",
    "papers": "pdf tex bib",
    "office documents": "docx pptx xlsx odt ods odp",
    "data records": "csv tsv json jsonl parquet",
}
_KIND_OF = {suffix: kind for kind, suffixes in KINDS.items() for suffix in suffixes.split()}
_ASKS = re.compile(
    r"(who|what|when|where|why|how|which|whose|can|could|do|does|did|is|are|should|will|would)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{4,}")
_SCRIPTS = (
    ("Japanese", re.compile("[\u3040-\u30ff]")),
    ("Chinese", re.compile("[\u4e00-\u9fff]")),
    ("Korean", re.compile("[\uac00-\ud7af]")),
    ("Russian", re.compile("[\u0400-\u04ff]")),
    ("Arabic", re.compile("[\u0600-\u06ff]")),
    ("Greek", re.compile("[\u0370-\u03ff]")),
)
FORMS = {
    "question": ("a question", "answer the question", "that answer it"),
    "claim": ("a claim", "support or refute the claim", "that are evidence for or against it"),
    "keywords": ("a few keywords", "are about the keywords", "that are about them"),
    "code": ("a piece of code", "do the same as the code", "that belong to it"),
    "title": ("a title", "belong under the title", "that go with it"),
}
"""Form of a query -> (the noun, what documents do, a relative clause)."""


def query_form(text: str) -> str:
    """Form of one query: a key of FORMS."""
    words = text.split()
    if text.rstrip().endswith(("?", "？")) or _ASKS.match(text):
        return "question"
    if is_code(text):
        return "code"
    if len(words) <= 3:
        return "keywords"
    if text.rstrip().endswith((".", "。")) or len(words) >= 8:
        return "claim"
    return "title"


def propose_from_corpus(session: Session, queries: Sequence[Query]) -> list[str]:
    """Instructions in English for this index and these queries, the general ones first."""
    forms = Counter(query_form(q.text) for q in queries)
    kinds = _kinds(session)
    topic = _topic(session)
    language = _language([q.text for q in queries])
    found: list[str] = []
    # every form that a fifth of the queries has
    for form, count in forms.most_common():
        if 5 * count < len(queries):
            continue
        noun, verb, clause = FORMS[form]
        for kind in ("passages", *kinds):
            found.append(f"Given {noun}, retrieve {kind} that {verb}")
            if topic:
                found.append(f"Given {noun} about {topic}, retrieve {kind} that {verb}")
        if language:
            found.append(f"Given {noun} in {language}, retrieve passages that {verb}")
        if topic:
            found.append(f"Find texts about {topic} {clause}")
    if topic:
        found.append(f"Retrieve relevant texts about {topic}")
    return list(dict.fromkeys(found))


def _kinds(session: Session) -> list[str]:
    """Kinds of the documents by suffix, those of at least a fifth of them."""
    ids = session.snapshot.catalog.ids()
    suffixes = (name.rpartition(".")[2].lower() for name in ids if "." in name)
    counts = Counter(_KIND_OF[s] for s in suffixes if s in _KIND_OF)
    return [kind for kind, n in counts.most_common(2) if 5 * n >= len(ids)]


def _topic(session: Session) -> str:
    """The words that most sampled passages have, as `a, b and c`; "" for none."""
    import numpy as np

    catalog = session.snapshot.catalog
    first, rows = catalog.pointers()
    filled = first[rows > 0]
    step = max(1, len(filled) // SAMPLE)
    passages = session.documents.passages(np.asarray(filled[::step][:SAMPLE], dtype=np.int64))
    counts: Counter[str] = Counter()
    for p in passages:
        if not is_code(p.text):
            counts.update({w.lower() for w in _WORD.findall(p.text)} - STOP)
    # words of nearly all passages are boilerplate or grammar
    usual = [w for w, n in counts.most_common(50) if 1 < n <= 0.8 * len(passages) and w.isascii()]
    chosen = usual[:TOPIC_WORDS]
    return f"{', '.join(chosen[:-1])} and {chosen[-1]}" if len(chosen) > 1 else "".join(chosen)


def _language(texts: Sequence[str]) -> str:
    """Language of at least half of the texts, if their script tells; "" for none."""
    counts: Counter[str] = Counter()
    for text in texts:
        name = next((name for name, script in _SCRIPTS if script.search(text)), "")
        counts[name] += 1
    name, n = counts.most_common(1)[0] if counts else ("", 0)
    return name if 2 * n >= len(texts) else ""
