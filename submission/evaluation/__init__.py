"""A run folder, model file or table of codes → scores with their provenance."""
