"""Gradients that are zero outside some rows."""

from __future__ import annotations

import sys
from typing import Any, Self

import numpy as np

import instep._core as _core
from instep.dlpack import AnyArray
from instep.parameters import Array


class RowGradient(_core.RowGradient):
    r"""A gradient that is zero outside some rows of its parameter, as of an embedding table.

    Passed in the place of an array, it steps the rows that it names and no other: with
    :math:`g` the sum of its values for row :math:`i`,

    .. math::

        (\theta_i, s_i) \leftarrow \mathrm{rule}(\theta_i, g, s_i, t)

    where :math:`s` stands for the states and :math:`t` for the parameter's step count. The cost is
    that of the rows, however large the parameter.

    Parameters
    ----------
    rows : ndarray
        The rows, positions along the parameter's first axis: one axis, any integer dtype, from 0
        on, in any order. A row may come more than once; its values are added up in order of
        appearance.
    values : ndarray
        The gradient of each of these rows: of shape ``(len(rows), *param.shape[1:])``, the
        parameter's dtype or a narrower one, any layout. Values of a row are added up in the
        parameter's dtype.

    Raises
    ------
    TypeError
        When NumPy cannot see the memory of another library's array (see `Optimizer`).

    Notes
    -----
    This is not the step by the array that is zero elsewhere, but that of
    ``torch.optim.SparseAdam`` ("lazy"), for every rule: parameter and states of other rows are
    neither read nor written. Their moments do not decay, their momentum moves nothing, and weight
    decay leaves them alone. Bias correction counts the steps of the whole parameter. Without
    rows it is a step that changes nothing and counts.

    What it holds is checked by the step, which raises TypeError where `rows` are not integers or
    either is no array of the right dtype, ValueError where a shape is wrong, a row lies outside
    the parameter or memory is shared with what the step writes, and then changes nothing.

    Examples
    --------
    >>> import numpy as np, instep
    >>> table = np.zeros((4, 2), np.float32)
    >>> optimizer = instep.SGD(table, lr=0.5)
    >>> rows = np.array([3, 1, 3])
    >>> values = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    >>> optimizer.step(instep.RowGradient(rows, values))
    >>> table
    array([[ 0. ,  0. ],
           [-1.5, -2. ],
           [ 0. ,  0. ],
           [-3. , -4. ]], dtype=float32)
    """

    __slots__ = ()

    def __init__(self, rows: AnyArray, values: AnyArray) -> None:
        super().__init__(rows, values)

    @classmethod
    def from_scipy(cls, matrix: Any) -> Self:
        """Return the gradient that a sparse matrix of SciPy is, for the rows that it stores.

        Parameters
        ----------
        matrix : scipy.sparse.csr_array or csr_matrix
            The gradient of a parameter of its shape.

        Returns
        -------
        RowGradient
            The rows in which `matrix` stores anything, in ascending order, with all their elements:
            copies, in the dtype of `matrix`.

        Raises
        ------
        TypeError
            When `matrix` is of another format, which has a method ``tocsr``, or is not of
            ``scipy.sparse``.
        ValueError
            When it has one axis.

        Notes
        -----
        A row that stores zeros alone is stepped; ``matrix.eliminate_zeros()`` removes it. An
        element that is stored more than once is the sum, in the order of storage, as
        ``matrix.toarray()`` has it. The number of rows is not compared with the parameter's. As
        everywhere, a step refuses a wider dtype than the parameter's.

        Examples
        --------
        >>> import numpy as np, scipy.sparse, instep
        >>> matrix = scipy.sparse.csr_array([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [2.0, 3.0]])
        >>> instep.RowGradient.from_scipy(matrix)
        RowGradient(array([1, 3]), array([[0., 1.],
               [2., 3.]]))
        """
        sparse = sys.modules.get("scipy.sparse")  # if there is a matrix of it, it is imported
        kind = type(matrix).__name__
        if sparse is None or not sparse.issparse(matrix):
            raise TypeError(
                f"matrix: expected a csr_array or csr_matrix of scipy.sparse, got {kind}; an array "
                "is a gradient as it is"
            )
        if matrix.format != "csr":
            raise TypeError(
                f"matrix: expected a csr_array or csr_matrix, got {kind}; pass its .tocsr()"
            )
        if matrix.ndim != 2:
            raise ValueError(
                f"matrix: expected two axes, got shape {matrix.shape}; of a vector pass "
                "RowGradient(vector.indices, vector.data)"
            )
        rows = np.flatnonzero(np.diff(matrix.indptr))
        return cls(rows, matrix[rows].toarray())

    @property
    def rows(self) -> Array:
        """The array of rows that it was made with, no copy. It cannot be replaced.

        Of another library's array, the ndarray that sees it.
        """
        return super().rows

    @property
    def values(self) -> Array:
        """The array of values that it was made with, no copy. It cannot be replaced.

        Of another library's array, the ndarray that sees it.
        """
        return super().values

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.rows, self.values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.rows!r}, {self.values!r})"
