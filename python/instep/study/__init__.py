"""The parts of ``instep study``: real training runs that compare the package with its reference.

Nothing here is imported by ``import instep``; what it needs beyond NumPy is the extra ``study``.
"""
