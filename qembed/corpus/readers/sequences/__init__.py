"""Readers of sequences: residues, bases, SMILES, netlists of gates."""
