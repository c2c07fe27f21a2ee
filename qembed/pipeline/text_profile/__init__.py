"""Profile of an index's texts: counts of a sample of its passages, and when its generations came."""
