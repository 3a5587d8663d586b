"""Images → codes as fast as the machine can: precision, layers in windows, and the encoder that checks its codes."""
