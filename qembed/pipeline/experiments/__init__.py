"""`qembed eval`: runs, ablations, pools and their verdicts."""
