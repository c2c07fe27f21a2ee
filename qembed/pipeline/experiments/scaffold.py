"""`qembed eval init`: starter queries and judgments, and a check script for continuous integration.

Starter queries are documents' own titles (or first words). They are easy and prove little, but they show the
file formats and catch a broken index. They are to be replaced by users' questions.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from qembed.errors import StorageError, UsageError, cannot_read, refusal
from qembed.evaluation import write_qrels
from qembed.evaluation.formats.source_file import atomic_text_file
from qembed.inputs import as_argument, is_there
from qembed.outputs import removed_after_errors
from qembed.pipeline.experiments.installation import PipRequirement, pip_requirement
from qembed.pipeline.experiments.needed_extras import needed_extras
from qembed.pipeline.recipe import recipe_options
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.source_options import STDIN, source_options, source_settings
from qembed.pipeline.unfinished import unfinished_warnings
from qembed.store import Manifest
from qembed.types import Query

QUERIES = 20
"""Starter queries, of documents spread over the index."""
WORDS = 12
"""Words of the query for a document without a title."""

SCRIPT = """\
#!/bin/sh
# Fails when retrieval got worse than {folder}/baseline.json (exit 3), or when that cannot be told (exit 2).
#   {folder}/check.sh            check; more options are handed to qembed eval
#   {folder}/check.sh --accept   take today's numbers as the baseline (commit the file)
# Reports are in {folder}/out: what fell and why, for people (.html, .md) and programs (.json, .xml).
set -eu
cd "$(dirname "$0")/{up}"
accept=no
for word in "$@"; do
    shift
    if [ "$word" = --accept ]; then accept=yes; else set -- "$@" "$word"; fi
done
mkdir -p {folder}/out
[ -e {folder}/out/.gitignore ] || echo '*' > {folder}/out/.gitignore

unread() {{
    [ "$1" = 4 ] || exit "$1"
    echo "check.sh: retrieval is measured without what could not be read" >&2
}}
# --yes: what this checkout deletes is deleted; what cannot be found any more, the gates tell
export QEMBED_INDEX="$PWD"/{root}
{index}

# measures as deep as people look; the first one decides
set -- --queries {folder}/queries.jsonl --qrels {folder}/qrels.tsv \\
    --measures "nDCG@10 RR@10 Success@1 R@10 Judged@10" \\
    --report {folder}/out/report.json --report {folder}/out/report.md \\
    --report {folder}/out/report.html --report {folder}/out/junit.xml "$@"
if [ "$accept" = yes ]; then
    code=0
    qembed eval "$@" --report {folder}/baseline.json || code=$?
    [ "$code" = 2 ] || cat >&2 <<'end'
check.sh: these numbers are the baseline now, {folder}/baseline.json. Commit it, or the next machine has none:
    git add {folder}/baseline.json
end
    exit "$code"
fi
if [ ! -f {folder}/baseline.json ]; then
    qembed eval "$@"
    cat >&2 <<'end'
check.sh: nothing to compare with, {folder}/baseline.json is missing. Take these numbers as the baseline and
commit it, here or on your own machine, not in CI:
    sh {folder}/check.sh --accept && git add {folder}/baseline.json
end
    exit 2
fi
# --common: documents may come and go; queries whose judgments changed are left out and named
exec qembed eval "$@" --baseline {folder}/baseline.json --common \\
    --max-drop nDCG@10=5% --max-drop-significant nDCG@10
"""

WORKFLOW = """\
name: retrieval
on: [pull_request]
jobs:
  retrieval:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: |
          pip install torch --index-url https://download.pytorch.org/whl/cpu
{install}
      # passages that did not change are not encoded again
      - uses: actions/cache@v4
        with:
          path: {root_text}
          key: qembed-${{{{ github.sha }}}}
          restore-keys: qembed-
      # fails until a baseline is committed: sh {folder}/check.sh --accept && git add {folder}/baseline.json
      - run: sh {folder}/check.sh
      # an earlier step may have failed before there was a report
      - if: always()
        run: if [ -f {folder}/out/report.md ]; then cat {folder}/out/report.md >> "$GITHUB_STEP_SUMMARY"; fi
      - if: always()
        uses: actions/upload-artifact@v4
        with:
          name: retrieval
          path: {out_text}
          if-no-files-found: ignore
"""


IGNORE_FILE = ".qembedignore"
IGNORED = """\
# what a check asks and reports is no document
/queries.jsonl
/qrels.tsv
/baseline.json
/check.sh
/out/
"""


class Scaffold(NamedTuple):
    """Starter files, as paths from the current folder: those of the folder, and the workflow.

    `warnings`: what the index lacks, and what the check or the workflow does on another machine.
    """

    paths: list[Path]
    warnings: list[str]


def write_scaffold(root: Path, folder: Path, *, force: bool = False) -> Scaffold:
    """Write queries, judgments, a shell script and a GitHub workflow for the index at `root`.

    The workflow installs the qembed that runs here. An ignore file keeps its files out of indexes. Raises
    UsageError for files that exist (unless `force`) and for an index without documents, StorageError if the
    disk refuses. After an error there is no file or folder that was not there before.
    """
    home = root.parent
    try:
        place = Path(os.path.realpath(folder)).relative_to(os.path.realpath(home))
    except ValueError:
        raise UsageError(f"{folder} is not in the index's folder {home}") from None
    if not place.parts:
        raise UsageError(f"{folder}: a folder of its own is wanted, such as retrieval")
    files = {
        name: folder / name for name in ("queries.jsonl", "qrels.tsv", IGNORE_FILE, "check.sh")
    }
    files["workflow"] = home / ".github" / "workflows" / "retrieval.yml"
    paths = [Path(os.path.relpath(path)) for path in files.values()]
    there = [str(path) for path in paths if is_there(path) and path.name != IGNORE_FILE]
    if there and not force:
        raise UsageError(f"already there: {', '.join(there)} (--force writes them anew)")
    with Session(root) as session:
        queries, qrels = _golden_set(session)
        manifest = session.snapshot.manifest
        index = _index_commands(manifest, session.loaded)
        stored = session.snapshot.catalog.grouped().files()
        extras = needed_extras(manifest, {name for _, name in stored})
        # the source is remembered when all of its records are forgotten
        has_records = any(source == STDIN for source, _ in stored)
    names = {
        "folder": shlex.quote(as_argument(place.as_posix())),
        "up": "/".join([".."] * len(place.parts)),
        "root": shlex.quote(root.name),
        # a JSON text is one of YAML
        "root_text": json.dumps(root.name),
        "out_text": json.dumps(f"{place.as_posix()}/out"),
    }
    lines = [json.dumps({"_id": q.id, "text": q.text}, ensure_ascii=False) + "\n" for q in queries]
    needed = pip_requirement(home, extras)
    with removed_after_errors(files.values()):
        try:
            for path in files.values():
                path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise StorageError(f"cannot write in {folder}: {refusal(e)}") from e
        _write(files["queries.jsonl"], "".join(lines))
        write_qrels(qrels, files["qrels.tsv"])
        _write(files[IGNORE_FILE], _ignore_rules(files[IGNORE_FILE]))
        _write(files["check.sh"], SCRIPT.format(index=index, **names))
        files["check.sh"].chmod(0o755)
        _write(files["workflow"], WORKFLOW.format(install=_install_lines(needed), **names))
    lacks = _warnings(manifest, has_records, place, files["check.sh"].name, needed.missing)
    return Scaffold(paths, [*unfinished_warnings(root, manifest), *lacks])


def _ignore_rules(path: Path) -> str:
    """Rules of an ignore file with those for the starter files, after the user's own. Raises InputError."""
    try:
        own = path.read_text("utf-8") if is_there(path) else ""
    except OSError as e:
        raise cannot_read(path, e) from e
    known = set(own.splitlines())
    lines = [line for line in IGNORED.splitlines(keepends=True) if line.rstrip() not in known]
    return own + ("\n" if own and not own.endswith("\n") else "") + "".join(lines)


def _warnings(
    manifest: Manifest, has_records: bool, place: Path, check: str, missing: str
) -> Iterator[str]:
    """Lines on what another machine lacks. `place`: the starter files', below the index's folder."""
    if missing:
        yield f"the workflow cannot install qembed yet: {missing}"
    if has_records:
        yield (
            "this index has records that no file holds (qembed add, qembed index -): elsewhere they have "
            f"to be added before {check} runs"
        )
    for source in manifest.sources:
        path = PurePosixPath(source.path)
        if path.is_absolute():
            yield (
                f"{path} lies outside of this index's folder: elsewhere it has to be at the same path "
                f"before {check} runs"
            )
        elif not source.use_ignore and PurePosixPath(place).is_relative_to(path):
            inside = f"/{PurePosixPath(place).relative_to(path)}/"
            mend = shlex.join(
                ["qembed", "index", as_argument(str(path)), "--no-ignore", "--exclude", inside]
            )
            yield (
                f"{path} is indexed with --no-ignore: these files become documents ({mend} leaves them out)"
            )


def _index_commands(manifest: Manifest, loaded: LoadedModel) -> str:
    """Lines that make the index on another machine: a command for all sources of the same settings."""
    # by name: a first index without one chooses by its documents, which may have changed
    model = ["--model", manifest.spec, *recipe_options(manifest.recipe, loaded.default_recipe())]
    if task := manifest.settings.get("task"):
        model += ["--task", task]
    groups: dict[tuple[str, ...], list[str]] = {}
    for source in manifest.sources:
        if source.path != STDIN:
            options = tuple(source_options(source_settings(source)))
            groups.setdefault(options, []).append(as_argument(source.path))
    return "\n".join(
        shlex.join(["qembed", "index", "-q", "--yes", "--wait", "60", *model, *options, *paths])
        + " || unread $?"
        for options, paths in (groups or {(): []}).items()
    )


def _install_lines(needed: PipRequirement) -> str:
    """Lines of the workflow that install qembed."""
    lines = [f"pip install {shlex.quote(needed.text)}"]
    if needed.missing:
        lines.insert(
            0,
            "# installed from a file or folder of one machine: it has to be where this names it",
        )
    return "\n".join(" " * 10 + line for line in lines)


def _write(path: Path, text: str) -> None:
    with atomic_text_file(path) as stream:
        stream.write(text)


def _golden_set(session: Session) -> tuple[list[Query], dict[str, dict[str, int]]]:
    """Make queries and judgments of documents spread over the index. Raises UsageError.

    A document with a tab or a line end in its id is left out: judgments are written in columns.
    """
    import numpy as np

    catalog = session.snapshot.catalog
    first, rows = catalog.pointers()
    has = np.flatnonzero(rows > 0)
    if not len(has):
        raise UsageError("the index holds no document to ask for (qembed index PATH fills it)")
    chosen = has[np.linspace(0, len(has) - 1, min(QUERIES, len(has))).astype(np.int64)]
    named = [not any(c in "\t\r\n" for c in line.id) for line in catalog.take(chosen)]
    chosen = chosen[np.array(named)]
    if not len(chosen):
        raise UsageError("no document's id can be written in columns: all have tabs or line ends")
    lines = catalog.take(chosen)
    passages = session.documents.passages(first[chosen])
    queries, qrels = [], {}
    for number, (line, passage) in enumerate(zip(lines, passages, strict=True), 1):
        words = line.title or " ".join(passage.text.replace("#", " ").split()[:WORDS])
        name = f"start-{number:02}"
        queries.append(Query(name, words or line.id))
        qrels[name] = {line.id: 1}
    return queries, qrels
