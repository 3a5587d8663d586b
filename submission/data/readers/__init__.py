"""One file per original data format."""
