"""Frozen settings and the gin files that fill them; the only room that imports gin beside cli."""
