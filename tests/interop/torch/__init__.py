"""The drop-in optimizers for PyTorch."""
