"""Data sets made on the spot: nothing to download."""
