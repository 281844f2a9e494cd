"""NAdam."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class NAdam(InPlace, torch.optim.NAdam):
    r"""``torch.optim.NAdam`` with instep's step; the formulas are those of `instep.NAdam`.

    A sparse gradient, which ``torch.optim.NAdam`` refuses, steps the rows that it names, as
    `instep.RowGradient` does.

    Parameters
    ----------
    %(params)s
    %(lr)s
    betas : tuple of float
        Decay rates of the moments, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
    momentum_decay : float
        How fast the momentum grows to its full size, at least 0.
    decoupled_weight_decay : bool
        Multiply the parameter by ``1 - lr * weight_decay`` instead of changing the gradient.
    foreach : bool, optional
        Accepted, and kept in the groups, without effect: there is one implementation.
    %(maximize)s
    capturable, differentiable : bool
        Only False: no CUDA graph captures a step on the CPU, and autograd does not see through it.
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    T. Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016 workshop.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = instep.interop.torch.NAdam([w], lr=0.25)
    >>> (w * torch.tensor([0.5, -0.5])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.7359, 2.2641], requires_grad=True)
    """

    _form = Form(instep.NAdam)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        **options: Unpack[DropInOptions],
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            own=options,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
        )
