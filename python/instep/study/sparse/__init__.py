"""Rare and frequent features: what Adagrad was made for."""
