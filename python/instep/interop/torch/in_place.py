"""What the classes share: a step by instep's kernels in the memory of torch's tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, overload

import torch
from torch._compile import _disable_dynamo

from instep.docstrings import fill
from instep.interop.torch.binding import Binding
from instep.interop.torch.form import Form
from instep.interop.torch.groups import check_options, check_rate, names_of
from instep.interop.torch.tensors import check_tensor

T = TypeVar("T", bound="type[InPlace]")

_PARAGRAPHS = {
    "params": """
        params : iterable
            Parameters, pairs of name and parameter, or groups, as ``torch.optim`` takes them: dense
            tensors of float32 or float64 on the CPU, of any memory layout.
        """,
    "lr": """
        lr : float or torch.Tensor
            Learning rate, at least 0. A tensor of one element is read at each step.
        """,
    "raises": """
        TypeError, ValueError
            When a parameter or an option is none of these; `step` says what it refuses.
        """,
}


def documented(cls: T) -> T:
    """Put what the docstrings of all classes share into that of one."""
    return fill(cls, _PARAGRAPHS)


class InPlace(torch.optim.Optimizer):  # numpydoc ignore=PR01
    """Base of the classes of :mod:`instep.interop.torch`; not for direct use.

    A subclass is also one of ``torch.optim``'s class of the rule, whose constructor, dictionaries,
    groups and hooks it uses; only the step is instep's.
    """

    _form: ClassVar[Form]

    # Options that groups have and torch's constructor does not know or would act upon.
    _own: Mapping[str, Any] = {}
    _binding: Binding | None = None

    def __init__(self, params: Any, lr: Any, **options: Any) -> None:
        check_rate(lr)  # before torch compares it with a number
        super().__init__(params, lr=lr, **options)  # type: ignore[call-arg]

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    # As torch's own methods: a compiler that traced it would hand NumPy copies of the tensors.
    @_disable_dynamo
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Step all parameters that have a gradient, in their own memory.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients, and returns the loss. Called once, with gradients
            enabled, before the step.

        Returns
        -------
        float, torch.Tensor or None
            What `closure` returned.

        Raises
        ------
        TypeError, ValueError
            When a parameter, gradient or state is not a dense tensor of float32 or float64 on the
            CPU (a gradient may be sparse, with one sparse dimension), when two of them share
            memory, or when an option is out of range. All groups are checked before anything is
            written: parameters, states and step counts are then bitwise as they were.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        binding = self._binding
        if binding is None or not binding.holds(self.param_groups, self.state):
            binding = Binding(self._form, self.param_groups, self.state, binding)
        gradients = binding.gradients(self.param_groups)
        self._binding = binding
        binding.step(gradients, self.state)
        return loss

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters.

        Parameters
        ----------
        param_group : dict
            The tensors under ``"params"``, and the options that differ from the defaults.

        Raises
        ------
        TypeError, ValueError
            When a tensor or an option cannot be stepped with; the groups are then as before.
        """
        self.defaults.update(self._own)
        super().add_param_group(param_group)
        try:
            group = self.param_groups[-1]
            check_options(group, self._form.rule)
            names = names_of(self.param_groups, len(self.param_groups) - 1)
            for name, param in zip(names, group["params"], strict=True):
                check_tensor(param, f"parameter {name!r}")
        except BaseException:
            self.param_groups.pop()
            raise

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state dictionary, of this class or of ``torch.optim``'s.

        Parameters
        ----------
        state_dict : dict
            What ``state_dict`` returned. An option that ``torch.optim`` does not have stays what it
            is where the dictionary lacks it. As in ``torch.optim``, states of the right dtype are
            not copied: pass ``copy.deepcopy(state_dict)`` where another optimizer goes on with
            them.

        Raises
        ------
        TypeError, ValueError
            When the groups or their options do not fit; the optimizer then stays as it was. Whether
            the states fit is checked by the next step.
        """
        saved = state_dict["param_groups"]
        if len(saved) == len(self.param_groups):
            names = self._form.rule.hyperparameters
            groups = [
                {**{name: group[name] for name in names if name in group}, **loaded}
                for group, loaded in zip(self.param_groups, saved, strict=True)
            ]
            for group in groups:
                check_options(group, self._form.rule)
            state_dict = {**state_dict, "param_groups": groups}
        super().load_state_dict(state_dict)
