"""Training lists: for each query a relevant passage and negatives, which look relevant and are not.

lists       the lists as JSON lines and Parquet        candidates  passages that a search finds for a query
false_negatives  candidates that may be relevant       mine        all of it, from judgments and an index
new_vectors  an index searched by the vectors of other weights
"""
