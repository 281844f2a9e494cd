"""ASGD."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class ASGD(InPlace, torch.optim.ASGD):
    r"""``torch.optim.ASGD`` with instep's step; the formulas are those of `instep.ASGD`.

    A sparse gradient, which ``torch.optim.ASGD`` refuses, steps the rows that it names, as
    `instep.RowGradient` does.

    Parameters
    ----------
    %(params)s
    %(lr)s
    lambd : float
        Decay of the rate and of the parameter, at least 0.
    alpha : float
        Power of the rate's decay, at least 0.
    t0 : float
        How many steps pass before the average begins.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
    foreach : bool, optional
        Accepted, and kept in the groups, without effect: there is one implementation.
    %(maximize)s
    differentiable, capturable : bool
        Only False: autograd does not see through a step in place, and no CUDA graph captures a step
        on the CPU.
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    B. T. Polyak, A. B. Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM
    Journal on Control and Optimization 30, 1992.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = instep.interop.torch.ASGD([w], lr=0.25, lambd=0.0)
    >>> (w * torch.tensor([0.5, -0.5])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8750, 2.1250], requires_grad=True)
    """

    _form = Form(instep.ASGD)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
        **options: Unpack[DropInOptions],
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            own=options,
            lambd=lambd,
            alpha=alpha,
            t0=t0,
            weight_decay=weight_decay,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
            capturable=capturable,
        )
