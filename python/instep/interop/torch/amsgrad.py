"""AMSGrad."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class AMSGrad(InPlace, torch.optim.Adam):
    r"""AMSGrad as Reddi et al. state it, for torch's tensors; the formulas are `instep.AMSGrad`'s.

    ``torch.optim`` does not have it: its ``Adam(amsgrad=True)`` corrects the bias. This is a
    ``torch.optim.Adam`` by its groups, state and dictionaries.

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
    S. J. Reddi, S. Kale, S. Kumar, "On the Convergence of Adam and Beyond", ICLR 2018,
    algorithm 2.

    Examples
    --------
    >>> import torch
    >>> import instep.interop.torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = instep.interop.torch.AMSGrad([w], lr=0.5, betas=(0.5, 0.75), eps=0.0)
    >>> (w * torch.tensor([1.0, -1.0])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.5000, 2.5000], requires_grad=True)
    """

    _form = Form(instep.AMSGrad)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-3,
        betas: tuple[float | torch.Tensor, float | torch.Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
            "decoupled_weight_decay": False,
            "bias_correction": False,
            "eps_hat": False,
        }
        super().__init__(
            params,
            lr=lr,
            own=options,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=True,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
        )
