#!/bin/sh
# docx2python 3.7.1 and kreuzberg 4.10.4: a paragraph moved with "track changes" on is read at both places.
#
# Both leave out text that was deleted with "track changes" on (w:del in a run's place), so one takes them to
# give the document as it now stands. A tracked move is written as w:moveFrom where the paragraph was and
# w:moveTo where it is now. Both print the two; and both print a table row whose w:trPr marks it as deleted.
# A search over what they give finds the withdrawn place, and a count of the words is too high.
#
# Seen, of each: the moved sentence 2 times, the deleted sentence 0 times, the deleted row 1 time
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q python-docx==1.2.0 docx2python==3.7.1 kreuzberg==4.10.4
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys

import docx
import kreuzberg
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx2python import docx2python

MOVED, DELETED, ROW = "Returns close at noon.", "Cash only.", "Refunds by post"
BY = 'w:author="Editor" w:date="2026-01-05T09:00:00Z"'


def paragraph(inner):
    return parse_xml(f"<w:p {nsdecls('w')}>{inner}</w:p>")


def moved(tag, number):
    run = f"<w:r><w:t>{MOVED}</w:t></w:r>"
    start = f'<w:{tag}RangeStart w:id="{number}" w:name="move1" {BY}/>'
    return paragraph(
        f'{start}<w:{tag} w:id="{number + 1}" {BY}>{run}</w:{tag}><w:{tag}RangeEnd w:id="{number}"/>'
    )


document = docx.Document()
document.add_paragraph("The deposit is forty euros.")
deleted = f'<w:del w:id="1" {BY}><w:r><w:delText>{DELETED}</w:delText></w:r></w:del>'
for element in (moved("moveFrom", 10), paragraph(deleted), moved("moveTo", 20)):
    document.element.body.sectPr.addprevious(element)
table = document.add_table(2, 1)
table.cell(0, 0).text, table.cell(1, 0).text = "Refunds at the desk", ROW
properties = table.rows[1]._tr.get_or_add_trPr()
properties.append(parse_xml(f'<w:del {nsdecls("w")} w:id="30" {BY}/>'))
document.save("moved.docx")

texts = {
    "docx2python": docx2python("moved.docx").text,
    "kreuzberg": kreuzberg.extract_file_sync("moved.docx").content,
}
found = {name: tuple(text.count(t) for t in (MOVED, DELETED, ROW)) for name, text in texts.items()}
for name, counts in found.items():
    print(f"{name}: moved sentence {counts[0]}, deleted sentence {counts[1]}, deleted row {counts[2]}")
sys.exit(0 if set(found.values()) == {(2, 0, 1)} else 1)
PY
