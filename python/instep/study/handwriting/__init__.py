"""Handwritten digits, a network that tells them apart, and its training."""
