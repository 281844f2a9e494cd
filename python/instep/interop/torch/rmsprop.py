"""RMSprop."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class RMSprop(InPlace, torch.optim.RMSprop):
    r"""``torch.optim.RMSprop`` with instep's step; the formulas are those of `instep.RMSprop`.

    With `centered`, the variance is clamped at 0, so that rounding never makes the NaN that it can
    make in torch. A sparse gradient, which ``torch.optim.RMSprop`` refuses, steps the rows that it
    names, as `instep.RowGradient` does.

    Parameters
    ----------
    %(params)s
    %(lr)s
    alpha : float
        Decay rate of the running means, at least 0.
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
    momentum : float
        Factor of the old buffer, at least 0.
    centered : bool
        Divide by the root of the variance in the place of the mean square.
    capturable : bool
        Only False: it is for CUDA graphs.
    foreach : bool, optional
        Accepted, and kept in the groups, without effect: there is one implementation.
    %(maximize)s
    differentiable : bool
        Only False: autograd does not see through a step in place.
    initial_accumulator_value : float
        What the mean square starts with, at least 0; ``torch.optim`` does not have it.
    eps_inside_sqrt : bool
        Add `eps` inside the root, as Keras and TensorFlow do; ``torch.optim`` does not have it.
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    T. Tieleman, G. Hinton, "Lecture 6.5: RMSProp", COURSERA: Neural Networks for Machine
    Learning, 2012.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = instep.interop.torch.RMSprop([w], lr=0.25, alpha=0.75, eps=0.0)
    >>> (w * torch.tensor([0.5, -0.5])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.5000, 2.5000], requires_grad=True)
    """

    _form = Form(instep.RMSprop)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        *,
        initial_accumulator_value: float = 0,
        eps_inside_sqrt: bool = False,
        **options: Unpack[DropInOptions],
    ) -> None:
        self._own = {
            "initial_accumulator_value": initial_accumulator_value,
            "eps_inside_sqrt": eps_inside_sqrt,
        }
        super().__init__(
            params,
            lr=lr,
            own=options,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            capturable=capturable,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
        )
