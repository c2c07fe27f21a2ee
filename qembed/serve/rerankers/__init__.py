"""Rerankers of a server: one for all requests, or scored for a request while it does not hold the index."""
