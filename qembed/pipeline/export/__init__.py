"""`export`: an index's passages and vectors into engines and files of other programs."""
