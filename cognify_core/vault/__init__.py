"""Vaults: storage that keeps what it was given until a day, and says what of that is so."""
