"""The text nodes of all XML parts of the samples, and LibreOffice where it is installed, against what is read."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from qembed.corpus.readers.converted import Converter
from qembed.corpus.readers.epub import epub as read_epub
from qembed.corpus.readers.office.docx import docx as read_docx
from qembed.corpus.readers.office.pptx import pptx as read_pptx
from qembed.corpus.readers.office.xlsx import xlsx as read_xlsx
from tests.corpus.office_samples import rich_docx, rich_epub, rich_pptx, rich_xlsx
from tests.corpus.readers.planted_words import converted

pytest.importorskip("lxml")


SAMPLES: dict[str, tuple[Converter, bytes]] = {
    "rich.docx": (read_docx, rich_docx()),
    "rich.pptx": (read_pptx, rich_pptx()),
    "rich.xlsx": (read_xlsx, rich_xlsx()),
    "rich.epub": (read_epub, rich_epub()),
}


NOT_TEXT = ("delText", "instrText", "f")
"""Elements whose text nobody sees."""


NOT_READ = r".*\.rels|\[Content_Types\]\.xml|.*/sheet2\.xml|.*nav\.xhtml|META-INF/.*|.*\.opf|.*/styles\.xml"


@pytest.mark.parametrize("name", SAMPLES)
def test_text_nodes_of_all_parts(name: str) -> None:
    reader, data = SAMPLES[name]
    text, omitted = converted(reader, data)
    found = set(re.findall(r"\w+", f"{text}\n{omitted}"))
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        for part in z.namelist():
            if re.fullmatch(NOT_READ, part):
                continue
            raw = z.read(part).replace(b"&eacute;", "é".encode())
            for e in ElementTree.fromstring(raw).iter():
                local = e.tag.rpartition("}")[2]
                words = re.findall(r"\w+", e.text or "")
                if local == "v" and "worksheets" in part:
                    continue  # an index of a shared string, or a number before it is formatted
                assert local in NOT_TEXT or found.issuperset(words), (part, local, e.text)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("name", ["rich.docx", "rich.pptx", "rich.xlsx"])
def test_words_that_libreoffice_shows(tmp_path: Path, name: str) -> None:
    reader, data = SAMPLES[name]
    (tmp_path / name).write_bytes(data)
    command = [
        "soffice",
        "--headless",
        f"-env:UserInstallation=file://{tmp_path}/profile",
        "--convert-to",
        "pdf",
        name,
    ]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    from qembed.corpus.readers.pdf import pdf as read_pdf

    shown, _ = converted(read_pdf, (tmp_path / name).with_suffix(".pdf").read_bytes())
    text, omitted = converted(reader, data)
    assert set(re.findall(r"[^\W\d]{2,}", shown)) <= set(re.findall(r"\w+", f"{text}\n{omitted}"))
