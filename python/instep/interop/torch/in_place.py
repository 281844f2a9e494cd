"""What the classes share: a step by instep's kernels in the memory of torch's tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar, overload

import torch
from torch._compile import _disable_dynamo
from torch.compiler import is_dynamo_compiling

from instep.docstrings import fill
from instep.gradient_options import DEFAULTS, GradientOption, GradientOptions, Nonfinite
from instep.gradient_options import check as check_gradient_options
from instep.interop.torch.binding import Binding, Report
from instep.interop.torch.form import Form
from instep.interop.torch.groups import (
    check_has_no_other,
    check_options,
    check_rate,
    gradient_options_of,
    is_trained,
    names_of,
)
from instep.interop.torch.shards import check_not_measured
from instep.interop.torch.tensors import check_tensor
from instep.names import no_argument

T = TypeVar("T", bound="type[InPlace]")

_PARAGRAPHS = {
    "params": """
        params : iterable
            Parameters, pairs of name and parameter, or groups, as ``torch.optim`` takes them: dense
            tensors of float32 or float64 on the CPU, of any memory layout. Those that require no
            gradient may be any, and are left alone.
        """,
    "lr": """
        lr : float or torch.Tensor
            Learning rate, at least 0. A tensor of one element is read at each step.
        """,
    "gradient_options": """
        **gradient_options
            `clip_norm`, `clip_value`, `nonfinite` and `flush_subnormals` as `instep.Optimizer` has
            them, of the whole optimizer; they can be read and set between steps as attributes.
            ``torch.optim`` does not have them.
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

    What is done to all gradients of a step is no part of groups, ``defaults`` and state
    dictionaries, which stay as torch's; copies and pickles have it.
    """

    _form: ClassVar[Form]

    # Options that groups have and torch's constructor does not know or would act upon.
    _own: Mapping[str, Any] = {}
    _binding: Binding | None = None
    # What steps have told where there is no binding: those of what this is a copy of.
    _told: Report = (0, None)
    _gradient_options: GradientOptions = DEFAULTS
    # What groups held of these options when they were added or loaded.
    _held: Sequence[Mapping[str, object]] = ()

    clip_norm: GradientOption[float | None] = GradientOption()
    clip_value: GradientOption[float | None] = GradientOption()
    nonfinite: GradientOption[Nonfinite] = GradientOption()
    flush_subnormals: GradientOption[bool] = GradientOption()

    def __init__(
        self, params: Any, lr: Any, gradient_options: GradientOptions, **options: Any
    ) -> None:
        check_rate(lr)  # before torch compares it with a number
        for name in gradient_options:
            if name not in DEFAULTS:
                raise no_argument(type(self), name, DEFAULTS)
        if gradient_options:
            self._change_gradient_options(gradient_options)
        super().__init__(params, lr=lr, **options)  # type: ignore[call-arg]

    @property
    def last_grad_norm(self) -> float | None:
        """Norm of all gradients of the last step, before `clip_norm`.

        None where neither `clip_norm` nor the guard `nonfinite` asked for it.

        Examples
        --------
        >>> import torch
        >>> import instep.interop.torch
        >>> w = torch.zeros(2, requires_grad=True)
        >>> optimizer = instep.interop.torch.SGD([w], lr=1.0, clip_norm=0.5)
        >>> w.grad = torch.tensor([3.0, 4.0])
        >>> optimizer.step()
        >>> optimizer.last_grad_norm, w.detach()
        (5.0, tensor([-0.3000, -0.4000]))
        """
        return self._report()[1]

    @property
    def skipped_steps(self) -> int:
        """How many steps were skipped because a gradient was not finite.

        Examples
        --------
        >>> import torch
        >>> import instep.interop.torch
        >>> w = torch.zeros(2, requires_grad=True)
        >>> optimizer = instep.interop.torch.SGD([w], lr=1.0, nonfinite="skip")
        >>> w.grad = torch.tensor([3.0, torch.nan])
        >>> optimizer.step()
        >>> optimizer.skipped_steps, w.detach()
        (1, tensor([0., 0.]))
        """
        return self._report()[0]

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
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
        FloatingPointError
            When a gradient is not finite and `nonfinite` is ``"raise"``, with everything as it was.
        """
        # A compiler that traced the step would hand it copies of the tensors. Torch's own methods
        # ask it to stay away at each call, for a microsecond.
        if is_dynamo_compiling():
            return self._step_uncompiled(closure)
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        binding = self._binding
        options = self._gradient_options
        if binding is None or not binding.holds(self.param_groups, self.state, options):
            held = dict(enumerate(self._held)) if binding is None else binding.shown
            binding = Binding(
                self._form, self.param_groups, self.state, binding, self._report(), options, held
            )
        gradients = binding.gradients(self.param_groups)
        self._binding = binding
        binding.step(gradients, self.param_groups, self.state)
        return loss

    @_disable_dynamo
    def _step_uncompiled(self, closure: Callable[[], float] | None) -> float | None:
        return self.step(closure)

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
            check_has_no_other(group, self._gradient_options)
            names = names_of(self.param_groups, len(self.param_groups) - 1)
            for name, param in zip(names, group["params"], strict=True):
                if is_trained(param):
                    check_tensor(param, f"parameter {name!r}")
            check_not_measured(filter(is_trained, group["params"]), self._gradient_options)
        except BaseException:
            self.param_groups.pop()
            raise
        self._held = [*self._held, gradient_options_of(group)]

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
        self._held = [gradient_options_of(group) for group in self.param_groups]

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies and pickles are made of."""
        return {
            **super().__getstate__(),
            "_gradient_options": self._gradient_options,
            "_told": self._report(),
        }

    def _report(self) -> Report:
        return self._told if self._binding is None else self._binding.report()

    def _change_gradient_options(self, changes: Mapping[str, object]) -> None:
        options = check_gradient_options({**self._gradient_options, **changes})
        for group in getattr(self, "param_groups", ()):  # none before torch's constructor
            check_not_measured(filter(is_trained, group["params"]), options)
        self._gradient_options = options
