"""Ties of a search in an order other than that of the rows, for evaluations."""
