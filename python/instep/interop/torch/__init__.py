"""Drop-in optimizers for PyTorch: ``torch.optim``'s classes with instep's step.

A class here has the constructor, groups, state and dictionaries of ``torch.optim``'s class of the
same name, works with its schedulers, hooks and gradient scaler, and steps the parameters in their
own memory, on the CPU.

>>> import torch
>>> import instep.interop.torch
>>> model = torch.nn.Linear(3, 1)
>>> optimizer = instep.interop.torch.RMSprop(model.parameters(), lr=0.5)
>>> scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
>>> model(torch.ones(4, 3)).sum().backward()
>>> optimizer.step()
>>> scheduler.step()
>>> optimizer.param_groups[0]["lr"]
0.25
"""

from importlib.util import find_spec as _find_spec

if _find_spec("torch") is None:
    raise ImportError("instep.interop.torch needs torch; install with: pip install 'instep[torch]'")

from instep.interop.torch.adadelta import Adadelta
from instep.interop.torch.adafactor import Adafactor
from instep.interop.torch.adagrad import Adagrad
from instep.interop.torch.adam import Adam
from instep.interop.torch.adamax import Adamax
from instep.interop.torch.adamw import AdamW
from instep.interop.torch.amsgrad import AMSGrad
from instep.interop.torch.asgd import ASGD
from instep.interop.torch.nadam import NAdam
from instep.interop.torch.overlapped import register_functional_optim
from instep.interop.torch.radam import RAdam
from instep.interop.torch.rmsprop import RMSprop
from instep.interop.torch.rprop import Rprop
from instep.interop.torch.sgd import SGD
from instep.interop.torch.sparse_adam import SparseAdam
from instep.interop.torch.state_dicts import from_torch_state_dict, to_torch_state_dict

__all__ = [
    "ASGD",
    "SGD",
    "AMSGrad",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SparseAdam",
    "from_torch_state_dict",
    "register_functional_optim",
    "to_torch_state_dict",
]
