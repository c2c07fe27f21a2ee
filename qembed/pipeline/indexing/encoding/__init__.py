"""Passages to vectors: batches, the encoder with its probes, texts that are stored already."""
