"""Rprop."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class Rprop(InPlace, torch.optim.Rprop):
    r"""``torch.optim.Rprop`` with instep's step; the formulas are those of `instep.Rprop`.

    NaN in a gradient makes the parameter NaN; ``torch.optim.Rprop`` leaves the parameter as it is.
    A sparse gradient, which ``torch.optim.Rprop`` refuses, steps the rows that it names, as
    `instep.RowGradient` does.

    Parameters
    ----------
    %(params)s
    %(lr)s
    etas : tuple of float
        Factors, between 0 and 1 and above 1, of the step size where the gradient's sign changes and
        where it does not.
    step_sizes : tuple of float
        Least and largest step size, at least 0.
    capturable : bool
        Only False: it is for CUDA graphs.
    foreach : bool, optional
        Accepted, and kept in the groups, without effect: there is one implementation.
    %(maximize)s
    differentiable : bool
        Only False: autograd does not see through a step in place.
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    M. Riedmiller, H. Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The
    RPROP Algorithm", ICNN 1993.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = instep.interop.torch.Rprop([w], lr=0.25)
    >>> (w * torch.tensor([8.0, -0.5])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.7500, 2.2500], requires_grad=True)
    """

    _form = Form(instep.Rprop)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        **options: Unpack[DropInOptions],
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            own=options,
            etas=etas,
            step_sizes=step_sizes,
            capturable=capturable,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
        )
