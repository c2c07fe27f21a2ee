"""Endpoints: parameters of a request to a call, and its answer to JSON. One module for each kind."""
