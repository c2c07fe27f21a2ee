"""`--where` filters: parser, types, predicates on typed columns and decoded metadata."""
