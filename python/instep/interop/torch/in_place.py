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
from instep.interop.torch.form import Form, scalar_dtype
from instep.interop.torch.groups import (
    check_has_no_other,
    check_no_callables,
    check_options,
    is_trained,
    names_of,
    own_options_of,
    read_options,
)
from instep.interop.torch.shards import check_not_measured
from instep.interop.torch.storage import (
    OWN_OPTIONS,
    DropInOptions,
    DropInStorage,
    as_loaded,
    new_storage,
)
from instep.interop.torch.tensors import can_be_stepped, check_tensor, dtype_of, numpy_dtype
from instep.names import no_argument
from instep.storage import DEFAULTS as STORAGE_DEFAULTS
from instep.storage import HasStorage, check_seed

T = TypeVar("T", bound="type[InPlace]")

_PARAGRAPHS = {
    "params": """
        params : iterable
            Parameters, pairs of name and parameter, or groups, as ``torch.optim`` takes them: dense
            tensors of float32, float64, bfloat16 or float16 on the CPU, of any memory layout. Those
            that require no gradient may be any, and are left alone.
        """,
    "lr": """
        lr : float or torch.Tensor
            Learning rate, at least 0. A tensor of one element is read at each step.
        """,
    "options": """
        **options
            As `instep.Optimizer` has them, of the whole optimizer; ``torch.optim`` does not have
            them. `clip_norm`, `clip_value`, `nonfinite` and `flush_subnormals` can be read and set
            between steps as attributes. `state_dtype`, `state_rounding`, `param_rounding`,
            `master_weight_bits` and `seed` are for storage in 16 bits, and are fixed: states of a
            parameter have its dtype where nothing else is said, as torch's (squares of a float16
            parameter float32), and those in 16 bits are rounded stochastically. `state_dtype` may
            be a dtype of torch. Random bits of a DTensor are by the place in each process's share.
        """,
    "raises": """
        TypeError, ValueError
            When a parameter or an option is none of these; `step` says what it refuses.
        """,
}


def documented(cls: T) -> T:
    """Put what the docstrings of all classes share into that of one."""
    return fill(cls, _PARAGRAPHS)


class InPlace(HasStorage, torch.optim.Optimizer):  # numpydoc ignore=PR01
    """Base of the classes of :mod:`instep.interop.torch`; not for direct use.

    A subclass is also one of ``torch.optim``'s class of the rule, whose constructor, dictionaries,
    groups and hooks it uses; only the step is instep's.

    What is done to all gradients of a step, and how tensors are stored, is no part of groups,
    ``defaults`` and state dictionaries, which stay as torch's; copies and pickles have it. Random
    bits of stochastic rounding are a function of the seed, the parameter's step count, its position
    among all parameters, the state and the element's index, of a DTensor in this process's share.
    """

    _form: ClassVar[Form]

    # Options that groups have and torch's constructor does not know or would act upon.
    _own: Mapping[str, Any] = {}
    _binding: Binding | None = None
    # What steps have told where there is no binding: those of what this is a copy of.
    _told: Report = (0, None)
    _gradient_options: GradientOptions = DEFAULTS
    _storage: DropInStorage
    _seed: int = 0
    # Both, as groups may not have them.
    _own_options: Mapping[str, object] = {}
    # What groups held of these options when they were added or loaded.
    _held: Sequence[Mapping[str, object]] = ()

    clip_norm: GradientOption[float | None] = GradientOption()
    clip_value: GradientOption[float | None] = GradientOption()
    nonfinite: GradientOption[Nonfinite] = GradientOption()
    flush_subnormals: GradientOption[bool] = GradientOption()

    def __init__(self, params: Any, lr: Any, own: DropInOptions, **options: Any) -> None:
        check_no_callables({"lr": lr, **options})  # before torch compares them with numbers
        for name in own:
            if name not in OWN_OPTIONS:
                raise no_argument(type(self), name, OWN_OPTIONS)
        given: dict[str, Any] = {**STORAGE_DEFAULTS, **own}
        conditions = {name: given.pop(name) for name in DEFAULTS if name in given}
        self._seed = check_seed(given.pop("seed"))
        self._storage = new_storage(self._form.rule, **given)
        self._change_gradient_options(conditions)
        super().__init__(params, lr=lr, **options)  # type: ignore[call-arg]
        self._store_new_states()

    @property
    def seed(self) -> int:
        """Seed of stochastic rounding."""
        return self._seed

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
            When a parameter, gradient or state is not a dense tensor of a floating-point type on
            the CPU (a gradient may be sparse, with one sparse dimension), when two of them share
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
        options, own = self._gradient_options, self._own_options
        if binding is None or not binding.holds(self.param_groups, self.state, options, own):
            held = dict(enumerate(self._held)) if binding is None else binding.shown
            binding = Binding(
                self._form,
                self.param_groups,
                self.state,
                binding,
                self._report(),
                self._storage,
                self._seed,
                options,
                own,
                held,
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
            check_has_no_other(group, self._own_options)
            self._form.rule.check_storage(self._storage, read_options(group, self._form.rule))
            names = names_of(self.param_groups, len(self.param_groups) - 1)
            for name, param in zip(names, group["params"], strict=True):
                if is_trained(param):
                    check_tensor(param, f"parameter {name!r}")
                    self._storage.has_rest(numpy_dtype(param.dtype), f"parameter {name!r}")
            check_not_measured(filter(is_trained, group["params"]), self._gradient_options)
        except BaseException:
            self.param_groups.pop()
            raise
        self._held = [*self._held, own_options_of(group)]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state dictionary, of this class or of ``torch.optim``'s.

        Parameters
        ----------
        state_dict : dict
            What ``state_dict`` returned. An option that ``torch.optim`` does not have stays what it
            is where the dictionary lacks it. States keep their dtype, or are widened to that of new
            ones, where ``torch.optim`` casts them to the parameter's. As there, states of the right
            dtype are not copied: pass ``copy.deepcopy(state_dict)`` where another optimizer goes on
            with them. The seed of random bits is not in it.

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
        taken: list[dict[str, Any]] = []  # what hooks have made of it
        hook = self.register_load_state_dict_pre_hook(lambda _, given: taken.append(given))
        try:
            super().load_state_dict(state_dict)
        finally:
            hook.remove()
        self._keep_dtypes(taken[0])
        self._held = [own_options_of(group) for group in self.param_groups]

    def _store_new_states(self) -> None:
        """Give the states that a constructor of torch has made, Adagrad's, the types asked for."""
        for group in self.param_groups:
            for param in group["params"]:
                for name, value in self.state.get(param, {}).items():
                    # A frozen parameter of any kind may be one that is trained later.
                    if name in self._numbers() or not can_be_stepped(param):
                        continue
                    dtype = dtype_of(self._storage.dtype_of(name, numpy_dtype(param.dtype)))
                    if value.dtype != dtype:
                        first = self._form.rule.initial_value(name, group)
                        self.state[param][name] = torch.full_like(value, first, dtype=dtype)

    def _numbers(self) -> tuple[str, ...]:
        """Return the names of what a state holds beside arrays."""
        return ("step", *self._form.rule.scalars)

    def _keep_dtypes(self, loaded: Mapping[str, Any]) -> None:
        """Undo what torch has cast: all states to the types of their parameters."""
        ids = [id_ for group in loaded["param_groups"] for id_ in group["params"]]
        params = [param for group in self.param_groups for param in group["params"]]
        for id_, param in zip(ids, params, strict=True):
            for name, value in loaded["state"].get(id_, {}).items():
                state = self.state[param]
                if name in self._form.rule.scalars:
                    state[name] = torch.as_tensor(value, dtype=scalar_dtype()).clone()
                elif name != "step" and isinstance(value, torch.Tensor):
                    wanted = self._storage.dtype_of(name, numpy_dtype(param.dtype))
                    state[name] = as_loaded(value, state[name], dtype_of(wanted))

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies and pickles are made of."""
        return {
            **super().__getstate__(),
            "_gradient_options": self._gradient_options,
            "_own_options": self._own_options,
            "_seed": self._seed,
            "_storage": self._storage,
            "_told": self._report(),
        }

    def _report(self) -> Report:
        return self._told if self._binding is None else self._binding.report()

    def _change_gradient_options(self, changes: Mapping[str, object]) -> None:
        options = check_gradient_options({**self._gradient_options, **changes})
        for group in getattr(self, "param_groups", ()):  # none before torch's constructor
            check_not_measured(filter(is_trained, group["params"]), options)
        self._gradient_options = options
        stored = {name: getattr(self, name) for name in STORAGE_DEFAULTS}
        self._own_options = {**options, **stored}
