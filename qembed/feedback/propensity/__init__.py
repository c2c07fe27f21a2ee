"""Position bias: how likely a hit is looked at, by its rank, and what clicks are worth then.

click_log       clicks of persons as arrays: answers by ranks
exchange        which neighbours are exchanged at random in an answer
swaps           propensities from neighbours that were exchanged at random
position_model  propensities from the log alone, by EM of the position-based model
estimate        the best of these for each rank, and inverse propensity weights
click_test      whether clicks follow the documents at all, or position alone
"""
