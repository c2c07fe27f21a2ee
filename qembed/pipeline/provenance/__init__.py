"""Origin of a report: date, checkout, index, version."""
