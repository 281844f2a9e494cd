"""AdamW."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class AdamW(InPlace, torch.optim.AdamW):
    r"""``torch.optim.AdamW`` with instep's step; the formulas are those of `instep.AdamW`.

    A sparse gradient, which ``torch.optim.AdamW`` refuses, steps the rows that it names, as
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
        Decay, at least 0: a step multiplies the parameter by ``1 - lr * weight_decay``.
    amsgrad : bool
        Put the largest second moment so far in its place.
    %(maximize)s
    foreach, fused : bool, optional
        Accepted, and kept in the groups, without effect: there is one implementation.
    capturable, differentiable : bool
        Only False: no CUDA graph captures a step on the CPU, and autograd does not see through it.
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = instep.interop.torch.AdamW([w], lr=0.5, weight_decay=0.5)
    >>> (w * torch.tensor([0.0, 0.0])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.7500, 1.5000], requires_grad=True)
    """

    _form = Form(instep.AdamW)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-3,
        betas: tuple[float | torch.Tensor, float | torch.Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        **options: Unpack[DropInOptions],
    ) -> None:
        self._own = {
            "fused": fused,
            "decoupled_weight_decay": True,
            "bias_correction": True,
            "eps_hat": False,
        }
        super().__init__(
            params,
            lr=lr,
            own=options,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
        )
