"""The parts of ``instep study``: real training runs that compare the package with its reference.

A part is a folder: `part.py` runs it, `text.py` tells what it found, `pictures.py` draws it, and
the other files are what it is about. `parts.py` lists them, `report` has what they share in telling
and drawing, `handwriting` what the two share that train on digits.

Nothing here is imported by ``import instep``; what it needs beyond NumPy is the extra ``study``.
"""
