"""Batch, stochastic and mini-batch descent, their noise floors, and rates that fall."""
