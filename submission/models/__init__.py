"""Networks of the papers, and the VAE that joins encoder, space and decoder."""
