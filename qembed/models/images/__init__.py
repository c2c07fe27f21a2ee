"""Pictures to vectors, in the space of a model's texts."""
