"""Adagrad."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class Adagrad(InPlace, torch.optim.Adagrad):
    r"""``torch.optim.Adagrad`` with instep's step; the formulas are those of `instep.Adagrad`.

    A sparse gradient steps the rows that it names. `weight_decay`, which torch refuses with it,
    decays these rows alone.

    Parameters
    ----------
    %(params)s
    %(lr)s
    lr_decay : float
        Decay of the learning rate, at least 0.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
    initial_accumulator_value : float
        What the sum of squares starts with, at least 0.
    eps : float
        Term that keeps the denominator from zero, at least 0.
    foreach, fused : bool, optional
        Accepted, and kept in the groups, without effect: there is one implementation.
    %(maximize)s
    differentiable : bool
        Only False: autograd does not see through a step in place.
    eps_inside_sqrt : bool
        Add `eps` inside the root, as Keras and TensorFlow do; ``torch.optim`` does not have it.
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", JMLR 12, 2011.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = instep.interop.torch.Adagrad([w], lr=0.25, eps=0.0)
    >>> (w * torch.tensor([0.5, -0.5])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.7500, 2.2500], requires_grad=True)
    """

    _form = Form(instep.Adagrad)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        eps_inside_sqrt: bool = False,
        **options: Unpack[DropInOptions],
    ) -> None:
        self._own = {"fused": fused, "eps_inside_sqrt": eps_inside_sqrt}
        super().__init__(
            params,
            lr=lr,
            own=options,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
        )
