"""Derived files with a record for each row: the matrix of all vectors, and their codes."""
