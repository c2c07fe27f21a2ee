"""Text for people: hits, reports of evaluations, summaries of indexing."""
