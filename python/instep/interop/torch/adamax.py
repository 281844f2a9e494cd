"""Adamax."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class Adamax(InPlace, torch.optim.Adamax):
    r"""``torch.optim.Adamax`` with instep's step; the formulas are those of `instep.Adamax`.

    A sparse gradient, which ``torch.optim.Adamax`` refuses, steps the rows that it names, as
    `instep.RowGradient` does.

    Parameters
    ----------
    %(params)s
    %(lr)s
    betas : tuple of float
        Decay rates of the moment and of the maximum, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
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
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 2.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = instep.interop.torch.Adamax([w], lr=0.25, eps=0.0)
    >>> (w * torch.tensor([0.5, -4.0])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.7500, 2.2500], requires_grad=True)
    """

    _form = Form(instep.Adamax)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
        **options: Unpack[DropInOptions],
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            own=options,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
            capturable=capturable,
        )
