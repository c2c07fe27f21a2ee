#!/bin/sh
# biopython 1.88: Bio.SeqIO's "cif-seqres" gives a chain more residues than it has where a place has two of them.
#
# In mmCIF a place of a chain at which the crystal holds two residues (microheterogeneity) has two rows in
# _pdbx_poly_seq_scheme, with one seq_id and hetero "y". The reader takes a letter of each row and does not look at
# seq_id. So the sequence is longer than the chain, all letters after such a place have moved on by one, and the
# same entry read as PDB ("pdb-seqres"), where SEQRES names one residue a place, gives another sequence. Nothing
# is said. Who cuts, aligns or compares sequences by place has to group the rows by seq_id.
#
# Seen (Python 3.11), a chain of four places with glycine or alanine at the second: "MGAKL" of mmCIF, "MGKL" of PDB;
# the entry's own one-letter code is MGKL.
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q biopython==1.88 numpy
cd "$work"
cat > entry.cif <<'CIF'
data_ENTRY
_entry.id ENTRY
_entity_poly.entity_id                      1
_entity_poly.type                           polypeptide(L)
_entity_poly.pdbx_seq_one_letter_code_can   MGKL
loop_
_pdbx_poly_seq_scheme.asym_id
_pdbx_poly_seq_scheme.entity_id
_pdbx_poly_seq_scheme.seq_id
_pdbx_poly_seq_scheme.mon_id
_pdbx_poly_seq_scheme.pdb_strand_id
_pdbx_poly_seq_scheme.hetero
A 1 1 MET A n
A 1 2 GLY A y
A 1 2 ALA A y
A 1 3 LYS A n
A 1 4 LEU A n
CIF
printf 'SEQRES   1 A    4  MET GLY LYS LEU\n' > entry.pdb
venv/bin/python - <<'PY'
import sys

import Bio
from Bio import SeqIO
from Bio.PDB.MMCIF2Dict import MMCIF2Dict

stated = MMCIF2Dict("entry.cif")["_entity_poly.pdbx_seq_one_letter_code_can"][0]
(by_cif,) = SeqIO.parse("entry.cif", "cif-seqres")
(by_pdb,) = SeqIO.parse("entry.pdb", "pdb-seqres")
print(f"biopython {Bio.__version__}: stated {stated}, cif-seqres {by_cif.seq}, pdb-seqres {by_pdb.seq}")
sys.exit(0 if (stated, by_cif.seq, by_pdb.seq) == ("MGKL", "MGAKL", "MGKL") else 1)
PY
