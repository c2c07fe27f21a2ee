"""Damage of an index's files: what makes a file worth a check, and the checks that a refresh can pay for."""
