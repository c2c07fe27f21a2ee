"""Map of a corpus: its documents, or passages, as places in the plane, in groups that are named.

request     what is asked, and which of it decides the places
points      the documents or passages that are shown, and batches of their vectors
groups      clusters of the vectors and the words that tell of each
colors      values by which points are coloured: source, cluster, metadata
corpus_map  the map as data, and its two forms in JSON
compute     an index to a map
kept_map    the map of a generation beside its derived files
queries     places of queries, and their hits among the points
"""
