"""UBI (User Behavior Insights) 1.3.0, the rows of OpenSearch and Elasticsearch: read, checked, written.

lines       NDJSON and `_bulk` files to rows          rows      rows to records, and what is wrong in them
to_log      records of all rows: queries joined, what was shown, ranks             export    records to rows
"""
