"""Every update rule in plain NumPy: the specification of the compiled kernels.

Each function performs one step in place and has the same name, signature and defaults as its
compiled counterpart in :mod:`instep.functional`, which equals it bit for bit (where the result
is NaN, both are NaN; a NaN's sign and payload are not specified). Arguments are not checked here.
Other libraries' arrays that export DLPack may stand for ndarrays, as there.

Two rules of reading make that equality possible: a coefficient is a Python float, computed in
double precision and rounded once to the arrays' dtype when NumPy multiplies it in; and every
operation on arrays is written out in the order in which the kernel performs it.

Arrays in 16 bits are widened before the rule meets them and narrowed afterwards: by `narrow`, with
the bits of `random_bits` where that is stochastic, or by `split_master`.
"""

from typing import TYPE_CHECKING

from instep.reference import rules
from instep.reference.gradients import condition_gradients as condition_gradients
from instep.reference.gradients import grad_norm as grad_norm
from instep.reference.hashing import random_bits as random_bits
from instep.reference.master import join_master as join_master
from instep.reference.master import split_master as split_master
from instep.reference.rounding import narrow as narrow
from instep.reference.rules import *  # noqa: F403
from instep.reference.schedule_free import exchange_points as exchange_points

if not TYPE_CHECKING:  # to a type checker the imports are the list
    __all__ = [
        "condition_gradients",
        "exchange_points",
        "grad_norm",
        "join_master",
        "narrow",
        "random_bits",
        "split_master",
        *(name for name in vars(rules) if name.endswith("_step")),
    ]
