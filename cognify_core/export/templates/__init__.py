"""Templates: what a law or a framework asks, row by row, answered from a dossier. Data plus small functions."""
