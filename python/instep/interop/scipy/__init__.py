"""Instep's optimizers as methods of ``scipy.optimize.minimize``.

>>> import numpy as np, scipy.optimize
>>> import instep, instep.interop.scipy
>>> result = scipy.optimize.minimize(
...     lambda x: (np.sum((x - 3) ** 2), 2 * (x - 3)),
...     np.zeros(2),
...     jac=True,
...     method=instep.interop.scipy.method(instep.SGD, lr=0.25),
... )
>>> result.success, result.nit, result.x.round(4)
(True, 20, array([3., 3.]))
"""

from importlib.util import find_spec as _find_spec

if _find_spec("scipy") is None:
    raise ImportError("instep.interop.scipy needs scipy; install with: pip install 'instep[scipy]'")

from instep.interop.scipy.minimizer import method

__all__ = ["method"]
