"""Networks of the papers, and the VAE that is built from them and a latent space."""
