"""Slices of the loss around the points that the optimizers find."""
