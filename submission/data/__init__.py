"""Data sets: a name becomes factors, sizes and images."""
