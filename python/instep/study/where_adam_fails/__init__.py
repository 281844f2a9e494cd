"""Linear models that can fit their data, and features that are seen once."""
