"""Images → codes: the encoder that probes a representation, its precision, and fast paths that are verified."""
