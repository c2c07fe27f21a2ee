"""`qembed eval` and its subcommands, one module each. None imports another."""
