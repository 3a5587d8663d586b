"""Export: the TorchScript file of the challenge's contract, the other formats, and reading them back safely."""
