"""The trained encoder as TorchScript and other formats, with metadata."""
