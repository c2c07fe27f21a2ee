"""Commands, one module each: parse options, call, render, set the exit code. None imports another."""
