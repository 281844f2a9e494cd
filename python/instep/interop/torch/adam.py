"""Adam."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class Adam(InPlace, torch.optim.Adam):
    r"""``torch.optim.Adam`` with instep's step; the formulas are those of `instep.Adam`.

    A sparse gradient, which ``torch.optim.Adam`` refuses, steps the rows that it names, as
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
    amsgrad : bool
        Put the largest second moment so far in its place.
    foreach, fused : bool, optional
        Accepted, and kept in the groups, without effect: there is one implementation.
    %(maximize)s
    capturable, differentiable : bool
        Only False: no CUDA graph captures a step on the CPU, and autograd does not see through it.
    decoupled_weight_decay : bool
        Multiply the parameter by ``1 - lr * weight_decay`` instead of changing the gradient, as
        `AdamW` does.
    bias_correction : bool
        False takes the moments as they are; ``torch.optim`` does not have it.
    eps_hat : bool
        Take `eps` for the paper's epsilon hat, outside of the bias correction, as scikit-learn,
        Keras and TensorFlow do; ``torch.optim`` does not have it.
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = instep.interop.torch.Adam([w], lr=0.25)
    >>> (w * torch.tensor([0.5, -0.5])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.7500, 2.2500], requires_grad=True)
    """

    _form = Form(instep.Adam)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-3,
        betas: tuple[float | torch.Tensor, float | torch.Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
        bias_correction: bool = True,
        eps_hat: bool = False,
        **options: Unpack[DropInOptions],
    ) -> None:
        self._own = {
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
            "bias_correction": bias_correction,
            "eps_hat": eps_hat,
        }
        super().__init__(
            params,
            lr=lr,
            own=options,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
        )
