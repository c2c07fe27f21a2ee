"""Pictures among the hits: cosines of both kinds made comparable, queries that are pictures."""
