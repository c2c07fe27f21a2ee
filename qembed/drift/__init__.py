"""Statistics of two samples of texts: do new ones differ from those before, and in what. Knows no index.

sample       passages of one side, grouped by document    permutation  labels, p-values, Holm's correction
words        pieces of words, words a model cannot read   terms        new terms by log-likelihood ratio
distances    centroids and energy distance                centres      k-means centres, what lies outside
subjects     compact groups of new documents              scores       best scores of queries
signal       what a test found                            verdict      from signals to what is to be done
"""
