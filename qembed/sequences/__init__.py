"""Sequences that are no language: alphabets of residues, atoms and gates, their units and their k-mers."""
