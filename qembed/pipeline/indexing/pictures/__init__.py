"""Pictures of an index: whether they are read, and what the pages of their sources say of them."""
