"""The optimizers, a class a file."""

from __future__ import annotations

from instep.optimizer import Optimizer
from instep.optimizers.adabelief import AdaBelief
from instep.optimizers.adadelta import Adadelta
from instep.optimizers.adafactor import Adafactor
from instep.optimizers.adagrad import Adagrad
from instep.optimizers.adam import Adam
from instep.optimizers.adamax import Adamax
from instep.optimizers.adamw import AdamW
from instep.optimizers.adan import Adan
from instep.optimizers.ademamix import AdEMAMix
from instep.optimizers.amsgrad import AMSGrad
from instep.optimizers.asgd import ASGD
from instep.optimizers.ftrl import FTRL
from instep.optimizers.lamb import LAMB
from instep.optimizers.lars import LARS
from instep.optimizers.lion import Lion
from instep.optimizers.nadam import NAdam
from instep.optimizers.radam import RAdam
from instep.optimizers.rmsprop import RMSprop
from instep.optimizers.rowwise_adagrad import RowwiseAdagrad
from instep.optimizers.rprop import Rprop
from instep.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from instep.optimizers.schedule_free_sgd import ScheduleFreeSGD
from instep.optimizers.sgd import SGD

__all__ = [
    "ASGD",
    "FTRL",
    "LAMB",
    "LARS",
    "SGD",
    "AMSGrad",
    "AdEMAMix",
    "AdaBelief",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Adan",
    "Lion",
    "NAdam",
    "RAdam",
    "RMSprop",
    "RowwiseAdagrad",
    "Rprop",
    "ScheduleFreeAdamW",
    "ScheduleFreeSGD",
]


def class_of(rule: str) -> type[Optimizer]:
    """Return the class with all options of a rule of the core: others derive from it."""
    for name in __all__:
        each: type[Optimizer] = globals()[name]
        if each._rule.name == rule and not any(hasattr(base, "_rule") for base in each.__bases__):
            return each
    raise LookupError(f"instep.optimizers.__all__: expected a class with the rule {rule!r}")
