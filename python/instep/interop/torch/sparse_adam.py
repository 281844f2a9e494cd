"""SparseAdam."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.optim.optimizer import ParamsT

import instep
from instep.interop.torch.form import Form
from instep.interop.torch.in_place import InPlace, documented
from instep.interop.torch.storage import DropInOptions


@documented
class SparseAdam(InPlace, torch.optim.SparseAdam):
    r"""``torch.optim.SparseAdam`` with instep's step: Adam of the rows that a gradient names.

    The formulas are those of `instep.Adam` with ``eps_hat=True``, by an `instep.RowGradient`. A
    dense gradient, which ``torch.optim.SparseAdam`` refuses, steps all rows.

    Parameters
    ----------
    %(params)s
    %(lr)s
    betas : tuple of float
        Decay rates of the moments, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    %(maximize)s
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
    >>> table = torch.nn.Embedding(3, 2, sparse=True)
    >>> optimizer = instep.interop.torch.SparseAdam(table.parameters(), lr=0.5)
    >>> before = table.weight.detach().clone()
    >>> table(torch.tensor([2, 0, 2])).sum().backward()
    >>> optimizer.step()
    >>> table.weight.detach() - before
    tensor([[-0.5000, -0.5000],
            [ 0.0000,  0.0000],
            [-0.5000, -0.5000]])
    """

    _form = Form(instep.Adam, new_count=int)

    def __init__(
        self,
        params: ParamsT,
        lr: float | torch.Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
        **options: Unpack[DropInOptions],
    ) -> None:
        self._own = {
            "weight_decay": 0.0,
            "amsgrad": False,
            "decoupled_weight_decay": False,
            "bias_correction": True,
            "eps_hat": True,
        }
        super().__init__(
            params,
            lr=lr,
            own=options,
            betas=betas,
            eps=eps,
            maximize=maximize,
        )
