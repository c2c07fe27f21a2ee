"""`qembed query` and `qembed rerank`: a query to ranked hits."""
