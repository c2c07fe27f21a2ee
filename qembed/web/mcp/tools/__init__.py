"""Tools of agents, one module each; table: their names, descriptions and arguments."""
