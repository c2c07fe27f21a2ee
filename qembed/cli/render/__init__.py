"""Results as text: hits, evaluation reports, index summaries."""
