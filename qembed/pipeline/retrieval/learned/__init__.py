"""Changes of an order by feedback: the learned weights of features, and the memory of votes."""
