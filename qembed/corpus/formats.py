"""Formats of files by suffix, and the names of text files without one. Imports no reader."""

from __future__ import annotations

PACKED = (".gz", ".zst")
_PROSE = ".txt .text .log .adoc .org .tex .texi"
_CODE = (
    ".py .pyi .js .mjs .cjs .jsx .ts .mts .cts .tsx .vue .svelte .go .rs .java .kt .kts .scala .groovy "
    ".gradle .clj .c .h .cc .cpp .cxx .hh .hpp .m .mm .cs .fs .vb .swift .dart .zig .rb .php .pl .pm .lua "
    ".r .jl .hs .ml .mli .ex .exs .erl .elm .lisp .el .scm .sh .bash .zsh .fish .ps1 .bat .sql .graphql "
    ".proto .cmake .mk .tf .nix .css .scss .less .awk .perl .tcl"
)
_OFFICE = (
    ".pdf .epub .docx .docm .dotx .dotm .pptx .pptm .ppsx .ppsm .potx .potm .xlsx .xlsm .xltx .xltm"
)
_FASTA = ".fasta .fa .faa .fas .fna .ffn .frn .mpfa"
_SETTINGS = ".toml .yaml .yml .ini .cfg .conf .properties"

FORMATS: dict[str, str] = {
    **dict.fromkeys(f"{_PROSE} {_CODE} {_SETTINGS}".split(), "plain"),
    **dict.fromkeys((".md", ".markdown", ".mdx", ".qmd", ".rmd"), "markdown"),
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".rst": "rst",
    **dict.fromkeys((".html", ".htm"), "html"),
    **dict.fromkeys((".xhtml", ".xht"), "xhtml"),
    **dict.fromkeys((".xml", ".rss", ".atom", ".dita", ".dbk", ".tei", ".fb2"), "xml"),
    ".svg": "svg",
    ".ipynb": "notebook",
    ".eml": "mail",
    ".mbox": "mailbox",
    **dict.fromkeys((".srt", ".vtt"), "subtitles"),
    **dict.fromkeys((".csv", ".tsv"), "delimited"),
    ".json": "json",
    ".parquet": "parquet",
    **dict.fromkeys(_OFFICE.split(), "office"),
    **dict.fromkeys(_FASTA.split(), "fasta"),
    **dict.fromkeys((".fastq", ".fq"), "fastq"),
    **dict.fromkeys((".gb", ".gbk", ".genbank", ".gbff"), "annotated"),
    **dict.fromkeys((".cif", ".mmcif"), "annotated"),
    **dict.fromkeys((".smi", ".smiles"), "smiles"),
    ".bench": "bench",
    **dict.fromkeys((".v", ".vg"), "verilog"),
}
"""Suffix in lower case -> name of its format; its reader is in `readers.registry`."""

PICTURES = frozenset([".png", ".jpg", ".jpeg", ".jpe", ".webp", ".gif", ".tif", ".tiff", ".bmp"])
"""Suffixes of pictures, which are read where the index's model reads pictures."""
PAGES = frozenset(("html", "xhtml", "markdown"))
"""Formats of pages, which show pictures of their source and say what these are."""
CAPTION = ".caption"
"""Suffix of captions beside pictures, which are no documents of their own."""
SEQUENCES = frozenset(("fasta", "fastq", "annotated", "smiles", "bench", "verilog"))
"""Formats of sequences, which an index of texts leaves out."""


FILE_LINES = frozenset(("plain", "markdown", "rst"))
"""Formats whose documents are the file's text as it stands: their lines are lines of the file."""


_HASH_COMMENTS = frozenset(f"{_CODE} {_SETTINGS}".split())


def has_hash_comments(name: str) -> bool:
    """True for a file of code or settings, in which `#` begins a comment and no heading."""
    return suffix(name) in _HASH_COMMENTS


def format_of(name: str) -> str:
    """Name of the format in which a file of this name is read: `plain` where the suffix is unknown."""
    return FORMATS.get(suffix(name), "plain")


_NAMES = (
    "readme license licence copying notice authors contributors changelog changes news history todo "
    "install makefile dockerfile containerfile vagrantfile jenkinsfile rakefile gemfile procfile "
    "justfile codeowners copyright thanks credits faq bugs hacking maintainers"
)
PLAIN_NAMES = frozenset(_NAMES.split())
"""Names in lower case, up to the first dot, that are known to be text: LICENSE, README.Debian, NEWS.gz."""


def suffix(name: str) -> str:
    """Suffix by which a reader is chosen: `.md` of `a/B.MD` and of `b.md.gz`, "" of `README` and `.env`."""
    leaf = name.rpartition("/")[2].lower()
    if leaf.endswith(PACKED):
        leaf = leaf[: leaf.rindex(".")]
    return leaf[leaf.rfind(".") :] if "." in leaf[1:] else ""


_BINARY = (
    ".pyc .pyo .pyd .so .o .a .obj .lib .dll .dylib .exe .bin .class .jar .war .wasm .whl .egg .deb .rpm "
    ".apk .dmg .iso .zip .tar .tgz .bz2 .xz .7z .rar .lz4 .lzma .png .jpg .jpeg .gif .webp .bmp .ico .icns "
    ".tif .tiff .psd .heic .avif .mp3 .mp4 .m4a .wav .flac .ogg .oga .ogv .opus .mov .avi .mkv .webm .ttf "
    ".otf .woff .woff2 .eot .db .sqlite .sqlite3 .mdb .pickle .pkl .npy .npz .h5 .pt .pth .onnx .safetensors "
    ".doc .xls .ppt .odt .ods .odp .rtf .sig .gpg .der .p12 .pfx .swp"
)
BINARY_SUFFIXES = frozenset(_BINARY.split())
"""Suffixes that no name of PLAIN_NAMES makes a text: history.cpython-311.pyc, todo.png."""


def is_plain_name(leaf: str) -> bool:
    """Test for a name of a text file whose suffix is unknown."""
    name = leaf.lower()
    return name.partition(".")[0] in PLAIN_NAMES and suffix(name) not in BINARY_SUFFIXES


def packed_suffix(leaf: str) -> str:
    """The suffix of what is packed in a file, "" if it is not packed."""
    return suffix(leaf) if leaf.lower().endswith(PACKED) else ""
