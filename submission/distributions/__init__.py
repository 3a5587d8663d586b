"""Densities on manifolds in the style of torch.distributions; they know nothing of images or training."""
