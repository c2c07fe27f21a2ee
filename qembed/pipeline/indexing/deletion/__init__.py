"""Documents that a run deletes: why they go, who has their files now, and what is asked first."""
