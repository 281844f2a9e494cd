"""Every update rule in plain NumPy: the specification of the compiled kernels.

Each function performs one step in place and has the same name, signature and defaults as its
compiled counterpart in :mod:`instep.functional`, which equals it bit for bit (where the result
is NaN, both are NaN; a NaN's sign and payload are not specified). Arguments are not checked here.
Other libraries' arrays that export DLPack may stand for ndarrays, as there.

Two rules of reading make that equality possible: a coefficient is a Python float, computed in
double precision and rounded once to the arrays' dtype when NumPy multiplies it in; and every
operation on arrays is written out in the order in which the kernel performs it.
"""

from instep.reference.adadelta import adadelta_step
from instep.reference.adagrad import adagrad_step
from instep.reference.adam import adam_step
from instep.reference.gradients import condition_gradients, grad_norm
from instep.reference.rmsprop import rmsprop_step
from instep.reference.sgd import sgd_step

__all__ = [
    "adadelta_step",
    "adagrad_step",
    "adam_step",
    "condition_gradients",
    "grad_norm",
    "rmsprop_step",
    "sgd_step",
]
