"""Checkpoints of an optimizer whose states are shared out among processes."""
