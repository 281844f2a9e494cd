"""Weights, states and copies in 16 bits: what stands still, and what a training loses by it."""
