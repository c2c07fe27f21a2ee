"""mmCIF in the sandbox: a document a chain, or an entity without one, whose sequence the file states.

The monomers of _pdbx_poly_seq_scheme state it or, where that is absent, for all chains of an entity at once,
the letters of _entity_poly or the monomers of _entity_poly_seq. Biopython reads the tables. Its own reader of
sequences knows amino acids alone, counts a place with two residues twice, and takes two blocks for one.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from qembed.corpus.readers.converted import Broken, Converted
from qembed.corpus.readers.sequences.annotated import record_text

_SCHEME = "_pdbx_poly_seq_scheme"
_POLYMER = "_entity_poly"
_MONOMERS = "_entity_poly_seq"
_MONOMER = re.compile(r"\(([^()]*)\)|(.)")
_NUCLEOTIDES = frozenset(["A", "C", "G", "U", "I", "N", "DA", "DC", "DG", "DT", "DU", "DI", "DN"])
_Tables = dict[str, list[str]]


def mmcif(data: bytes) -> Iterator[Converted]:
    """Read the chains of an mmCIF file. Raises ValueError."""
    from Bio.PDB.MMCIF2Dict import MMCIF2Dict

    number = 0
    broken = False
    for line, block in _blocks(data.decode("utf-8", "replace")):
        try:
            tables = MMCIF2Dict(io.StringIO(block))  # type: ignore[no-untyped-call]
        except Exception as e:  # a bad file makes it raise anything; the other blocks are read
            broken = True
            yield Broken(f"a block of data that cannot be read: {e}", line)
            continue
        entry = tables.get("data_", "")
        for chain, residues, entity, alphabet in _chains(tables):
            number += 1
            own = chain or f"entity={entity}"
            name = f"{entry}:{own}" if entry else own
            described = _description(tables, chain, entity)
            facts = {"chain": chain} if chain else {"entity": entity}
            yield record_text(name, described, residues, number, facts, alphabet)
    if not number and not broken:
        raise ValueError(f"it states no sequence of a polymer ({_SCHEME}, {_POLYMER}, {_MONOMERS})")


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Blocks of data with their first line; a text between semicolons may have lines like theirs."""
    lines: list[str] = []
    first, inside = 1, False
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if line.startswith(";"):
            inside = not inside
        elif not inside and line[:5].lower() == "data_":
            if lines and any(part.strip() and part[0] != "#" for part in lines):
                yield first, "".join(lines)
            first, lines = number, []
        lines.append(line)
    yield first, "".join(lines)


def _column(tables: _Tables, name: str) -> list[str]:
    return tables.get(name, [])


def _chains(tables: _Tables) -> Iterator[tuple[str, str, str, str]]:
    """Chains in order: name, "" for one that has none, residues, entity, alphabet."""
    if _column(tables, f"{_SCHEME}.mon_id"):
        entities = _column(tables, f"{_SCHEME}.entity_id")
        names = _column(tables, f"{_SCHEME}.asym_id")
        entity_of = dict(zip(reversed(names), reversed(entities), strict=False))
        for name, monomers in _monomers(tables, _SCHEME, "asym_id", "seq_id").items():
            entity = entity_of.get(name, "")
            alphabet = _alphabet(monomers, _of_entity(tables, _POLYMER, "type", entity))
            yield name, "".join(_letter(m, alphabet) for m in monomers), entity, alphabet
        return
    listed = _monomers(tables, _MONOMERS, "entity_id", "num")
    for entity in dict.fromkeys([*_column(tables, f"{_POLYMER}.entity_id"), *listed]):
        kind = _of_entity(tables, _POLYMER, "type", entity)
        if kind and "peptide" not in kind and "ribonucleotide" not in kind:
            continue  # sugars
        monomers = listed.get(entity, [])
        alphabet = _alphabet(monomers, kind) if kind or monomers else ""
        residues = _stated(tables, entity, alphabet)
        residues = residues or "".join(_letter(m, alphabet) for m in monomers)
        if residues:
            for name in _strands(tables, entity) or [""]:
                yield name, residues, entity, alphabet


def _monomers(tables: _Tables, table: str, owner: str, place: str) -> dict[str, list[str]]:
    """Monomers of a table by its column `owner`. Of a place that has several monomers the first."""
    owners = _column(tables, f"{table}.{owner}")
    monomers = _column(tables, f"{table}.mon_id")
    places = _column(tables, f"{table}.{place}") or ["."] * len(owners)
    found: dict[str, list[str]] = {}
    before = ("", "")
    for name, monomer, at in zip(owners, monomers, places, strict=False):
        if at in ".?" or before != (name, at):
            found.setdefault(name, []).append(monomer)
        before = (name, at)
    return found


def _stated(tables: _Tables, entity: str, alphabet: str) -> str:
    """Letters that _entity_poly states, modified residues as those they are made from; "" for none."""
    code = "pdbx_seq_one_letter_code"
    if letters := _of_entity(tables, _POLYMER, f"{code}_can", entity):
        return "".join(letters.split())
    letters = "".join(_of_entity(tables, _POLYMER, code, entity).split())
    kind = alphabet or ("dna" if letters.startswith("(D") else "protein")
    return "".join(m[2] or _letter(m[1], kind) for m in _MONOMER.finditer(letters))


def _strands(tables: _Tables, entity: str) -> list[str]:
    """Chains of an entity, as _entity_poly names them, else as _struct_asym or the atoms do."""
    named = _of_entity(tables, _POLYMER, "pdbx_strand_id", entity)
    if strands := [name.strip() for name in named.split(",") if name.strip()]:
        return list(dict.fromkeys(strands))
    for ids, of in (
        ("_struct_asym.id", "_struct_asym.entity_id"),
        ("_atom_site.label_asym_id", "_atom_site.label_entity_id"),
    ):
        pairs = zip(_column(tables, ids), _column(tables, of), strict=False)
        if strands := [name for name, other in pairs if other == entity and name not in ".?"]:
            return list(dict.fromkeys(strands))
    return []


def _of_entity(tables: _Tables, table: str, column: str, entity: str) -> str:
    ids = _column(tables, f"{table}.{'entity_id' if table == '_entity_poly' else 'id'}")
    values = _column(tables, f"{table}.{column}")
    value = dict(zip(ids, values, strict=False)).get(entity, "")
    return "" if value in (".", "?") else " ".join(value.split())


def _alphabet(monomers: list[str], kind: str) -> str:
    """Alphabet of a chain: by the type of its polymer, else by its monomers."""
    from Bio.Data.PDBData import protein_letters_3to1_extended

    if "ribonucleotide" in kind:
        return "rna" if kind.startswith("polyribo") else "dna"
    nucleotides = _NUCLEOTIDES.intersection(monomers)
    if "peptide" in kind or not nucleotides or protein_letters_3to1_extended.keys() & {*monomers}:
        return "protein"
    return "dna" if any(m[0] == "D" for m in nucleotides) else "rna"


def _letter(monomer: str, alphabet: str) -> str:
    """Letter of a monomer; a modified one has that of what it is made from, an unknown one X or N."""
    from Bio.Data.PDBData import nucleic_letters_3to1_extended, protein_letters_3to1_extended

    if alphabet == "protein":
        return str(protein_letters_3to1_extended.get(monomer, "X"))
    return str(nucleic_letters_3to1_extended.get(monomer.ljust(3), "N"))


def _description(tables: _Tables, chain: str, entity: str) -> str:
    """Description of a chain: its molecule, and its sequence's entry in a database."""
    parts = [_of_entity(tables, "_entity", "pdbx_description", entity)]
    columns = [
        _column(tables, f"_struct_ref.{name}")
        for name in ("id", "db_name", "pdbx_db_accession", "db_code")
    ]
    known = {row[0]: row[1:] for row in zip(*columns, strict=False)}
    refs: Any = zip(
        _column(tables, "_struct_ref_seq.pdbx_strand_id"),
        _column(tables, "_struct_ref_seq.ref_id"),
        strict=False,
    )
    reference = next((known[r] for strand, r in refs if strand == chain and r in known), None)
    if reference is not None:
        parts.append(f"{reference[0]}:{reference[1]} {reference[2]}")
    return ", ".join(part for part in parts if part)
