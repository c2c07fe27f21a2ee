"""Tables to documents: delimited text with typed columns, JSON and Parquet."""
