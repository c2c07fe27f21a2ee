"""`make bench`: two things side by side in one run, and the ratio. Never timed tests."""
