"""The real disentanglement_lib as an optional backend, and the one compatibility layer that lets it import."""
