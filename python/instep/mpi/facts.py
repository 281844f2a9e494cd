"""What must be the same on all processes, as `agree` compares it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from instep.gradient_options import GradientOptions
from instep.mpi.agreement import Facts
from instep.optimizer import Optimizer
from instep.param_group import ParamGroup


def option_facts(groups: Sequence[ParamGroup], conditions: GradientOptions) -> dict[str, object]:
    """Return hyperparameters, of which callables are only said to be such, and options."""
    return {
        **{
            f"param_groups[{k}][{name!r}]": "a callable" if callable(value) else value
            for k, group in enumerate(groups)
            for name, value in group._values.items()
        },
        **conditions,
    }


def count_facts(share: Optimizer, labels: Sequence[str], skipped_steps: int) -> Facts:
    """Return how far an optimizer of a share has come."""
    return {
        "steps": share.steps,
        "skipped_steps": skipped_steps,
        "train_mode": share._train_mode(),
        "seed": share.seed,
        **{
            f"step of parameter {label}": (step, *scalars)
            for label, step, scalars in zip(
                labels, share._param_steps(), share._scalars(), strict=True
            )
        },
    }


def gradient_facts(labels: Sequence[str], given: Collection[int], *, reduced: bool) -> Facts:
    """Return of which parameters there are gradients, and by which call."""
    how = "reduced" if reduced else "an array"
    return {
        f"gradient of parameter {label}": how if k in given else "None"
        for k, label in enumerate(labels)
    }
