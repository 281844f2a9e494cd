"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.groups import Group
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


def _check_sparse(group: Group, what: str) -> None:
    if group["momentum"]:
        raise ValueError(
            f"{what}: expected a dense one with momentum={group['momentum']!r}, got a sparse "
            "one; torch would move the rows of earlier gradients too, and instep only those "
            "that it names. Set momentum=0, or use dense gradients"
        )


@documented
class SGD(InPlace, torch.optim.SGD):
    r"""``torch.optim.SGD`` with instep's step; the formulas are those of `instep.SGD`.

    A sparse gradient steps the rows that it names; torch, with momentum, would move the rows of
    earlier gradients too, so that a sparse gradient needs ``momentum=0`` here.

    Parameters
    ----------
    %(params)s
    %(lr)s
    momentum : float
        Factor of the old buffer, at least 0.
    dampening : float
        One minus the factor of the new gradient.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
    nesterov : bool
        Look ahead. Needs a momentum above 0 and no dampening.
    %(maximize)s
    foreach, fused : bool, optional
        Accepted, and kept in the groups, without effect: there is one implementation.
    differentiable : bool
        Only False: autograd does not see through a step in place.
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and
    momentum in deep learning", ICML 2013.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = instep.interop.torch.SGD([w], lr=0.5, momentum=0.9)
    >>> (w * torch.tensor([0.5, -0.5])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.7500, 2.2500], requires_grad=True)
    """

    _form = Form(instep.SGD, new_count=None, check_sparse=_check_sparse)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | torch.Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
        **options: Unpack[DropInOptions],
    ) -> None:
        self._own = {"fused": fused}
        super().__init__(
            params,
            lr=lr,
            own=options,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
            foreach=foreach,
            differentiable=differentiable,
        )
