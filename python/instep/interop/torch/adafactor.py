"""Adafactor."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class Adafactor(InPlace, torch.optim.Adafactor):
    r"""``torch.optim.Adafactor`` with instep's step; the formulas are those of `instep.Adafactor`.

    Parameters of 16 bits are stepped in float32, and so are `row_var` and `col_var` of that type
    and None of `eps` its machine epsilon; ``torch.optim.Adafactor`` has the parameter's type there.
    DTensors, of which a process has a share, are refused, as a step depends on all of a parameter.

    Parameters
    ----------
    %(params)s
    %(lr)s
    beta2_decay : float
        Power of the number of the step by which the means forget, at most 0.
    eps : tuple of float or None
        Least root of a mean square, None for the machine epsilon, and least size of a parameter,
        at least 0.
    d : float
        Largest root mean square of an update, at least 1.
    weight_decay : float
        Decoupled decay: the parameter is multiplied by ``1 - lr * weight_decay``, at least 0.
    foreach : bool, optional
        Accepted, and kept in the groups, without effect: there is one implementation.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    N. Shazeer, M. Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", ICML
    2018.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([[4.0, -4.0], [4.0, 4.0]], requires_grad=True)
    >>> optimizer = instep.interop.torch.Adafactor([w], lr=0.25)
    >>> (w * torch.tensor([[2.0, 2.0], [-2.0, 2.0]])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([[ 3., -5.],
            [ 5.,  3.]], requires_grad=True)
    """

    _form = Form(instep.Adafactor)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        **options: Unpack[DropInOptions],
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            own=options,
            beta2_decay=beta2_decay,
            eps=eps,
            d=d,
            weight_decay=weight_decay,
            foreach=foreach,
            maximize=maximize,
        )
