"""Vectors to places in the plane, and to groups: principal axes, t-SNE, k-means.

principal_axes      the directions of the largest variance, from batches of vectors
neighbour_map       the plane in which near vectors stand near, by t-SNE (the extra `map`)
kmeans              centres of vectors
silhouette          how clear groups are, and the number of the clearest ones
"""
