"""Adadelta."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class Adadelta(InPlace, torch.optim.Adadelta):
    r"""``torch.optim.Adadelta`` with instep's step; the formulas are those of `instep.Adadelta`.

    A sparse gradient, which ``torch.optim.Adadelta`` refuses, steps the rows that it names, as
    `instep.RowGradient` does.

    Parameters
    ----------
    %(params)s
    %(lr)s
    rho : float
        Decay rate of the running means, in [0, 1].
    eps : float
        Term inside both roots, at least 0. It sets the size of the first steps.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
    foreach : bool, optional
        Accepted, and kept in the groups, without effect: there is one implementation.
    capturable : bool
        Only False: it is for CUDA graphs.
    %(maximize)s
    differentiable : bool
        Only False: autograd does not see through a step in place.
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    M. D. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701, 2012.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = instep.interop.torch.Adadelta([w], rho=0.0, eps=0.25)
    >>> (w * torch.tensor([0.0, 0.0])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([1., 2.], requires_grad=True)
    """

    _form = Form(instep.Adadelta)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
        **options: Unpack[DropInOptions],
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            own=options,
            rho=rho,
            eps=eps,
            weight_decay=weight_decay,
            foreach=foreach,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )
